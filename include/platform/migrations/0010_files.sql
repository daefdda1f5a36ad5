-- What the names of a series of files have in common: dates with the hours that follow them, and running numbers, are taken out.
create function ops.file_shape(path text) returns text
language sql immutable parallel safe
return regexp_replace(
    regexp_replace(path, '20[0-9][0-9]-?[01][0-9]-?[0-3][0-9]([T_-]?[0-9]+)*', '#', 'g'),
    '[0-9]{4,}', '#', 'g'
);
comment on function ops.file_shape(text) is 'The path of a file without its dates, hours and running numbers: what files of a series have in common.';

-- Bytes have one receipt, wherever they lie; where they are refused (an empty file, a server's error page) they may stand for several files.
create view ops.refused_files as
select
    receipts.file,
    landed.path,
    case receipts.kind when 'manifest' then 'manifest' else split_part(landed.path, '/', 1) end as kind,
    case landed.path
        when receipts.path then receipts.feed
        else split_part(landed.path, '/', 1) || '/' || split_part(landed.path, '/', 2)
    end as feed,
    receipts.reason,
    receipts.loaded_at
from ops.file_receipts as receipts
cross join lateral (
    select receipts.path
    union
    select files.path from ops.landing_files as files where files.file = receipts.file
) as landed
where receipts.state = 'refused';
comment on view ops.refused_files is 'Files of the landing folder that were refused, each by its path.';

grant select on ops.refused_files to tollgate_transformer, tollgate_auditor;
