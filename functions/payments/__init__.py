"""Payment providers: what they tell by webhook, and whether it is really they who tell it."""
