-- Not only addresses of pictures are kept for a day, but also what a picture's file says.
ALTER TABLE edit_addresses RENAME TO kept_texts;
ALTER TABLE kept_texts RENAME COLUMN address TO kept;
