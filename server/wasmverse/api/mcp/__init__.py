"""Tools and texts for programs that reason: the Model Context Protocol at /mcp, and /llms.txt (docs/mcp.md).

``route`` is loaded with the gateway; ``tools`` and the package ``mcp``, which are large, with the first request that needs them.
Every tool asks a route of this same app in the caller's name, so its tokens, rules and limits are those of the route. May import
what ``api`` may.
"""
