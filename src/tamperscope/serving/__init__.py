"""The service: an interface for programs, pages for people, and processes that work off what both send."""
