"""What the models are worth: how fast exported ones are beside other runtimes, and what each learns in minutes."""
