"""What divides a photo into the regions of its objects, whatever was done to them."""
