-- What the names of a series of files have in common: dates with the hours that follow them, and running numbers, are taken out.
create function ops.file_shape(path text) returns text
language sql immutable parallel safe
return regexp_replace(
    regexp_replace(path, '20[0-9][0-9]-?[01][0-9]-?[0-3][0-9]([T_-]?[0-9]+)*', '#', 'g'),
    '[0-9]{4,}', '#', 'g'
);
comment on function ops.file_shape(text) is 'The path of a file without its dates, hours and running numbers: what files of a series have in common.';
