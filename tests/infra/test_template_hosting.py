"""The static site: a private bucket behind a distribution, and pages that may do little."""

import re
from typing import Any

from infra.site.files import FOLDER
from tests.infra.templates import filled, merged, of_type, stage

API = "https://${RestAPI}.execute-api.eu-west-1.amazonaws.com"


def only(kind: str, **document: Any) -> dict[str, Any]:
    """The one resource of a type."""
    (made,) = filled(of_type(merged(stage(**document)), kind)).values()
    properties: dict[str, Any] = made
    return properties


def test_the_sites_bucket_is_private() -> None:
    """No public access, no owner but this account, encrypted."""
    bucket = only("AWS::S3::Bucket")
    assert bucket["BucketName"] == "farebox-staging-site-111122223333-eu-west-1"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert "WebsiteConfiguration" not in bucket


def test_only_the_distribution_reads_the_site() -> None:
    """CloudFront may get objects, for this distribution alone; nobody may do anything without TLS."""
    read, only_tls = only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert (read["Effect"], read["Action"]) == ("Allow", "s3:GetObject")
    assert read["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert read["Resource"] == "${SiteBucket.Arn}/*"
    source = "arn:aws:cloudfront::111122223333:distribution/${SiteDistribution}"
    assert read["Condition"] == {"StringEquals": {"AWS:SourceArn": source}}
    assert (only_tls["Effect"], only_tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_site_is_served_over_https_only() -> None:
    """index.html stands at the top, the bucket is asked with a signature, and plain HTTP is sent on."""
    config = only("AWS::CloudFront::Distribution")["DistributionConfig"]
    assert config["DefaultRootObject"] == "index.html"
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    assert config["DefaultCacheBehavior"]["AllowedMethods"] == ["GET", "HEAD"]
    assert config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == "SiteHeaders"
    (origin,) = config["Origins"]
    assert origin["OriginAccessControlId"] == "SiteAccess"
    assert origin["DomainName"] == "SiteBucket.RegionalDomainName"
    signing = only("AWS::CloudFront::OriginAccessControl")["OriginAccessControlConfig"]
    assert (signing["SigningBehavior"], signing["SigningProtocol"]) == ("always", "sigv4")


def test_what_is_not_there_is_404() -> None:
    """S3 says 403 in XML, since nobody may list the bucket: a page is sent as 404, whole at whatever path it stands."""
    (answer,) = only("AWS::CloudFront::Distribution")["DistributionConfig"]["CustomErrorResponses"]
    assert (answer["ErrorCode"], answer["ResponseCode"]) == (403, 404)
    page = (FOLDER / answer["ResponsePagePath"].removeprefix("/")).read_text()
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert "/site.css" in links
    assert all(link.startswith(("/", "data:")) for link in links)
    actions = {statement["Action"] for statement in only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"][:1]}
    assert actions == {"s3:GetObject"}


def policy(**document: Any) -> dict[str, list[str]]:
    headers = only("AWS::CloudFront::ResponseHeadersPolicy", **document)["ResponseHeadersPolicyConfig"]
    text = headers["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    rules = (rule.split() for rule in text.split("; "))
    return {name: values for name, *values in rules}


def test_pages_run_their_own_scripts_and_call_the_api() -> None:
    """Nothing inline, nothing from elsewhere, in no frame; the API's origin may be called, by its own name too."""
    assert policy()["default-src"] == ["'none'"]
    assert policy()["script-src"] == policy()["style-src"] == ["'self'"]
    assert policy()["frame-ancestors"] == policy()["base-uri"] == ["'none'"]
    assert policy()["connect-src"] == ["'self'", API]
    named = policy(settings={"BASE_URL": "https://api.example.com/v0/"})
    assert named["connect-src"] == ["'self'", API, "https://api.example.com"]
    assert not [value for values in policy().values() for value in values if "unsafe" in value or value == "*"]


def test_browsers_are_told_to_be_careful() -> None:
    """HTTPS for a year, no guessing of types, no referrer; whatever the bucket says."""
    headers = only("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert headers["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert headers["FrameOptions"]["FrameOption"] == "DENY"
    assert "ContentTypeOptions" in headers
    assert all(each["Override"] is True for each in headers.values())
