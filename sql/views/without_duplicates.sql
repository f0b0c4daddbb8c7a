-- The dataset as it is now without what `mmevol dedup` has marked: of each group of duplicates, the best item of current stays.
SELECT * FROM current WHERE instruction_id NOT IN $left_out
