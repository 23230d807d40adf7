//! Network namespaces: dialing into them, links, forwarding rules and names.
