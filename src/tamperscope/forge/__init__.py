"""Makes manipulated photographs, with exact masks, from any photographs."""
