"""A Segment workspace on loopback, so that cdpwatch can be tried and rehearsed without a token.

It speaks Segment's Public API and Slack's incoming webhooks over real HTTP, and it imports nothing
else of cdpwatch: the product reaches it the way it reaches Segment.

    world    who is in the workspace: sources, destinations, warehouse, labels, function
    traffic  how much each source sends, and what the leaks would add
    volumes  calls per day, hour and minute, which add up exactly
    delivery what becomes of the calls at each destination
    store    what changes while it runs: leaks switched on, faults, Slack messages
    api      the Public API's routes;  control and slack: the pages for people
    vendors  the other sides' APIs: what each of them says it counted
    server   the HTTP server
"""
