# What makes an Amazon Linux 2023 instance the router. Runs at every start, so a key that was changed is taken then.
# Before it stand REGION, SECRET, and the files that it writes: WG0_CONF and NFTABLES_CONF.
set -euo pipefail
umask 077

retried() { # the first connections may break: the instance's address changes when its Elastic IP comes
    for _ in $(seq 30); do "$@" && return; sleep 5; done
    echo "gave up: $*" >&2
    return 1
}

if ! command -v wg > /dev/null || ! command -v nft > /dev/null; then
    if ! swapon /swap 2> /dev/null; then # half a gigabyte is too little for dnf, which the kernel would kill
        rm -f /swap
        dd if=/dev/zero of=/swap bs=1M count=1024 status=none && chmod 600 /swap && mkswap /swap > /dev/null \
            && swapon /swap || echo "no swap: dnf may run out of memory" >&2
    fi
    retried dnf install --assumeyes --quiet wireguard-tools nftables
fi

# First the firewall, then the way through it.
printf '%s\n' "$NFTABLES_CONF" > /etc/nftables/farebox.nft
nft -f /etc/nftables/farebox.nft
echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/50-farebox.conf
sysctl --quiet --load=/etc/sysctl.d/50-farebox.conf

private_key=$(retried aws secretsmanager get-secret-value --region "$REGION" --secret-id "$SECRET" \
    --query SecretString --output text)
public_key=$(printf '%s\n' "$private_key" | wg pubkey)
printf '%s\n' "${WG0_CONF/<private_key>/"$private_key"}" > /etc/wireguard/wg0.conf

# Enabled, so that a start without Secrets Manager has the tunnel of the last one.
systemctl enable --quiet wg-quick@wg0.service
systemctl restart wg-quick@wg0.service

echo "the tunnel is configured; its public key is $public_key"
