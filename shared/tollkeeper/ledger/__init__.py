"""The ledger: one DynamoDB table, and the only code that knows its keys.

`table` speaks DynamoDB, `rows` turns items into values of the rules and back. On them stand three books:
`accounts` (users, subscriptions, periods), `counting` (usage) and `closing` (ended periods, meter events).
"""
