-- How many evolutions an earlier part of this command has made again, so that it leaves them alone.
SELECT count(*) FROM evolutions WHERE status IN ('kept', 'eliminated') AND $made_again
