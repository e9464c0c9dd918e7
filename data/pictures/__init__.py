"""Where pictures are: in the data folder, or in a bucket that several machines share."""
