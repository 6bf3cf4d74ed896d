"""Which secret of Secrets Manager holds which settings.

A secret is `farebox-<stage>/<document>`, a JSON object from the names of settings to their values.
"""

from collections.abc import Mapping

DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "gateway": ("HASH_SECRET", "LLAMA_API_KEY"),
    "admin": ("ADMIN_KEY",),
    "payments": (
        *("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_WEBHOOK_SECRET_BEFORE"),
        *("POLAR_ACCESS_TOKEN", "POLAR_WEBHOOK_SECRET", "POLAR_WEBHOOK_SECRET_BEFORE"),
        "MOLLIE_API_KEY",
        *("BTCPAY_API_KEY", "BTCPAY_WEBHOOK_SECRET", "BTCPAY_WEBHOOK_SECRET_BEFORE"),
        "NOTICES_SECRET",
    ),
    "mail": ("SMTP_PASSWORD",),
    "projects": ("PROJECTS_SECRET", "PROJECTS_SECRET_BEFORE", "OPERATOR_PROVIDERS"),
}
GENERATED = ("HASH_SECRET", "ADMIN_KEY", "PROJECTS_SECRET")
"""Made by the deployment; nobody has to choose them."""
KEPT_AS = {"PROJECTS_SECRET": "PROJECTS_SECRET_BEFORE"}
"""What must still be known after a change is kept under another name: keys of providers are sealed by it."""


def secret_name(stage: str, document: str) -> str:
    """The secret's name in Secrets Manager."""
    return f"farebox-{stage}/{document}"


def document_of(setting: str) -> str:
    """The document that holds a setting. Raises KeyError where none does."""
    for document, settings in DOCUMENTS.items():
        if setting in settings:
            return document
    raise KeyError(setting)
