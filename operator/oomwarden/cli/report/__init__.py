"""A report as one page of HTML: no script, no request, and no text of tenants that is markup."""
