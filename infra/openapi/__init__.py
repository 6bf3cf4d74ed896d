"""What the gateway says of itself: OpenAPI 3.1, made of its functions' routes and what is written here of each."""
