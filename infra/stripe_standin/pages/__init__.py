"""The pages a person clicks on: Checkout, the portal, hosted invoices and the bank's question."""
