"""AWS list prices in US dollars (us-east-1, November 2026), without the free tier."""

MILLION = 1_000_000

DYNAMODB_WRITE = 0.625 / MILLION
DYNAMODB_READ = 0.125 / MILLION
SQS_REQUEST = 0.40 / MILLION
SQS_CHUNK = 65_536
"""Bytes that count as one SQS request."""

SQS_POLLS_PER_MONTH = 650_000
"""Receives that Lambda makes of an idle queue in a month."""

LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334
HTTP_API_REQUEST = 1.00 / MILLION
HTTP_API_CHUNK = 524_288
"""Bytes that count as one HTTP API request."""

STORAGE_GB_MONTH = 0.25
BACKUP_GB_MONTH = 0.20
"""Point-in-time recovery."""

LOG_GB = 0.50
LOG_GB_MONTH = 0.03
METRIC_MONTH = 0.30
"""A custom metric, by the hours in which it is told."""

GB = 10**9
SCHEDULE_INVOCATION = 1.00 / MILLION
ALARM_MONTH = 0.10
