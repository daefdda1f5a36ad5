-- One field, by its 1-based place, of the comma-separated values that a field holds.
create or replace macro parse_inner_csv(value, argument) as
    string_split(value, ',')[cast(argument as integer)];
