"""Results in forms that last: the JSON record and the files beside it."""
