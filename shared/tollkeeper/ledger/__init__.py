"""The ledger: one DynamoDB table, and the only code that knows its keys.

What each module owns, and what must hold in the table, is in this folder's README.
"""
