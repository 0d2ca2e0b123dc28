"""Logs and metrics: one logger and one set of metrics for a function's whole life."""

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
metrics = Metrics()
