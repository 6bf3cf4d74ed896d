"""Buckets: the static site behind CloudFront, and the zips that were deployed."""

from typing import Any
from urllib.parse import urlsplit

from infra.aws.artifacts import bucket_value
from infra.aws.stage import Stage
from infra.aws.template.tables import GOES, KEPT
from infra.site.files import MISSING
from infra.site.policy import REFERRER, content_security_policy

Resources = dict[str, Any]

CACHED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
"""CloudFront's own policy CachingOptimized: as long as the file's Cache-Control says."""
YEAR_S = 31_536_000

PRIVATE: Resources = {
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    },
}

OUTPUTS: Resources = {
    "SiteURL": {"Value": {"Fn::Sub": "https://${SiteDistribution.DomainName}/"}},
    "SiteBucketName": {"Value": {"Ref": "SiteBucket"}},
    "SiteDistributionId": {"Value": {"Ref": "SiteDistribution"}},
}


def resources(stage: Stage) -> Resources:
    """The site: a bucket that only its distribution reads."""
    bucket = {"Fn::Sub": f"{stage.stack}-site-${{AWS::AccountId}}-${{AWS::Region}}"}
    return {
        "SiteBucket": {"Type": "AWS::S3::Bucket", **GOES, "Properties": {"BucketName": bucket, **PRIVATE}},
        "SiteBucketPolicy": _bucket_policy("SiteBucket", [_read_by_distribution()]),
        "SiteAccess": _access_control(stage),
        "SiteHeaders": _headers(stage),
        "SiteDistribution": _distribution(stage),
    }


def artifact_bucket(stage: Stage) -> Resources:
    """The bucket of zips. What is there stays: a rollback needs the zip of the deployment before it."""
    rules = [
        {"Id": "half-sent", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"Id": "overwritten", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 30}},
    ]
    properties = {
        "BucketName": bucket_value(stage.name),
        **PRIVATE,
        "VersioningConfiguration": {"Status": "Enabled"},
        "LifecycleConfiguration": {"Rules": rules},
    }
    return {
        "ArtifactBucket": {"Type": "AWS::S3::Bucket", **KEPT, "Properties": properties},
        "ArtifactBucketPolicy": _bucket_policy("ArtifactBucket", []) | KEPT,
    }


def _bucket_policy(bucket: str, statements: list[Resources]) -> Resources:
    """Nothing without TLS, and what is given."""
    everything = [{"Fn::GetAtt": [bucket, "Arn"]}, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}]
    only_tls = {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": everything,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = {"Version": "2012-10-17", "Statement": [*statements, only_tls]}
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": bucket}, "PolicyDocument": document},
    }


def _read_by_distribution() -> Resources:
    distribution = "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${SiteDistribution}"
    return {
        "Sid": "ReadByDistribution",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": {"Fn::Sub": "${SiteBucket.Arn}/*"},
        "Condition": {"StringEquals": {"AWS:SourceArn": {"Fn::Sub": distribution}}},
    }


def _access_control(stage: Stage) -> Resources:
    config = {
        "Name": f"{stage.stack}-site",
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }
    return {
        "Type": "AWS::CloudFront::OriginAccessControl",
        "Properties": {"OriginAccessControlConfig": config},
    }


def _headers(stage: Stage) -> Resources:
    """What a browser is told that the site's pages may do: run their own scripts, and call the API."""
    api = "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    own = urlsplit(stage.settings.get("BASE_URL", ""))
    policy = content_security_policy([api, *([f"{own.scheme}://{own.netloc}"] if own.netloc else [])])
    security = {
        "ContentSecurityPolicy": {"ContentSecurityPolicy": {"Fn::Sub": policy}, "Override": True},
        "ContentTypeOptions": {"Override": True},
        "FrameOptions": {"FrameOption": "DENY", "Override": True},
        "ReferrerPolicy": {"ReferrerPolicy": REFERRER, "Override": True},
        "StrictTransportSecurity": {"AccessControlMaxAgeSec": YEAR_S, "Override": True},
    }
    config = {"Name": f"{stage.stack}-site", "SecurityHeadersConfig": security}
    return {"Type": "AWS::CloudFront::ResponseHeadersPolicy", "Properties": {"ResponseHeadersPolicyConfig": config}}


def _distribution(stage: Stage) -> Resources:
    origin = {
        "Id": "site",
        "DomainName": {"Fn::GetAtt": ["SiteBucket", "RegionalDomainName"]},
        "OriginAccessControlId": {"Ref": "SiteAccess"},
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    behavior = {
        "TargetOriginId": "site",
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": ["GET", "HEAD"],
        "CachePolicyId": CACHED,
        "ResponseHeadersPolicyId": {"Ref": "SiteHeaders"},
        "Compress": True,
    }
    config = {
        "Comment": stage.stack,
        "Enabled": True,
        "HttpVersion": "http2and3",
        "IPV6Enabled": True,
        "PriceClass": "PriceClass_100",
        "DefaultRootObject": "index.html",
        # Who may not list a bucket hears 403, in XML, of what is not in it; to list it, nobody is allowed.
        "CustomErrorResponses": [
            {"ErrorCode": 403, "ResponseCode": 404, "ResponsePagePath": f"/{MISSING}", "ErrorCachingMinTTL": 10}
        ],
        "Origins": [origin],
        "DefaultCacheBehavior": behavior,
    }
    return {"Type": "AWS::CloudFront::Distribution", "Properties": {"DistributionConfig": config}}
