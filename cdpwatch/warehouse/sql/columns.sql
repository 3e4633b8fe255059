SELECT table_name AS name, column_name AS field
FROM `{dataset}`.INFORMATION_SCHEMA.COLUMNS
WHERE table_name IN UNNEST(@tables)
