-- No row of a table is read. Partitions by the hour are summed to days; __NULL__ and
-- __UNPARTITIONED__ begin with no digit and are left out.
SELECT table_name AS name, SUBSTR(partition_id, 1, 8) AS day, SUM(total_rows) AS n
FROM `{dataset}`.INFORMATION_SCHEMA.PARTITIONS
WHERE table_name IN UNNEST(@tables) AND SUBSTR(partition_id, 1, 8) BETWEEN @first AND @last
GROUP BY 1, 2
