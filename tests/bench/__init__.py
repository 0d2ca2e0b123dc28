"""What Tollkeeper costs and how fast it is, measured: `make bench`, or `make bench JSON=figures.json`.

Requests and capacity units are counted from the requests themselves, by AWS's published rules. Where time is
involved, a figure is a ratio of two processor times taken in one run, so that the machine cancels out.
"""
