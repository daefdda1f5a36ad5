-- Append what changed in the state of notices since the ledger last said it: that they were received, what the search came to,
-- that nobody answered in time, that what they were about recurred. What people did is appended when they say so.
with entries as (
    select
        payload ->> 'subject' as subject,
        payload ->> 'subject_id' as subject_id,
        payload ->> 'to' as state,
        entry_id
    from decisions.ledger
    where entry_type = 'transition'
),

told as (
    select
        subject,
        subject_id,
        count(*) as transitions,
        array_agg(state) as states,
        -- the clock runs beside whatever is found
        (array_agg(state order by entry_id desc) filter (where state not in ('overdue', 'clock_running')))[1] as state
    from entries
    group by subject, subject_id
),

tracebacks as (
    select
        worklist.*,
        coalesce(told.transitions, 0) as transitions,
        told.states,
        told.state as told_state,
        receipts.loaded_at
    from marts.traceback_worklist as worklist
    join ops.file_receipts as receipts on receipts.file = worklist.notice_receipt_id
    left join told on told.subject = 'traceback' and told.subject_id = worklist.traceback_id
),

legal as (
    select worklist.*, coalesce(told.transitions, 0) as transitions, coalesce(told.states, '{}') as states, told.state as told_state
    from marts.legal_notice_worklist as worklist
    left join told on told.subject = 'legal_notice' and told.subject_id = worklist.notice_id
),

changes as (
    select
        'traceback' as subject,
        tracebacks.traceback_id as subject_id,
        step.number,
        step.from_state,
        step.state,
        step.at,
        tracebacks.service_date,
        tracebacks.party_kind,
        tracebacks.party_id,
        tracebacks.transitions,
        jsonb_build_object(
            'due_at', tracebacks.due_at, 'legal_due_at', tracebacks.legal_due_at, 'notice_file', tracebacks.notice_file,
            'notice_line', tracebacks.notice_line, 'match_window_seconds', tracebacks.match_window_seconds, 'candidates', tracebacks.candidates,
            'recurrence', tracebacks.recurrence
        ) as particulars
    from tracebacks
    cross join lateral (
        values
        (1, null, 'received', tracebacks.received_at, tracebacks.transitions = 0),
        -- outside business hours the clock starts later, whatever has been found by then
        (
            2, coalesce(tracebacks.told_state, 'received'), 'clock_running', tracebacks.clock_started_at,
            tracebacks.responded_at is null and tracebacks.clock_started_at <= %(now)s and not coalesce('clock_running' = any(tracebacks.states), false)
        ),
        (
            3, case when tracebacks.clock_started_at <= %(now)s then 'clock_running' else 'received' end, 'searching', tracebacks.loaded_at,
            tracebacks.transitions = 0
        ),
        (
            4, coalesce(tracebacks.told_state, 'searching'), tracebacks.search_state, %(now)s,
            tracebacks.responded_at is null and tracebacks.search_state is distinct from tracebacks.told_state
        ),
        (
            5, coalesce(tracebacks.told_state, tracebacks.search_state), 'overdue', tracebacks.due_at,
            tracebacks.responded_at is null and tracebacks.due_at < %(now)s and not coalesce('overdue' = any(tracebacks.states), false)
        ),
        (
            6, 'caller_terminated', 'recurred', %(now)s,
            tracebacks.told_state = 'caller_terminated'
            and exists (select from marts.traceback_worklist as later where tracebacks.traceback_id = any(later.recurs_of))
        )
    ) as step (number, from_state, state, at, is_new)
    where step.is_new

    union all

    select
        'legal_notice',
        legal.notice_id,
        step.number,
        step.from_state,
        step.state,
        step.at,
        legal.service_date,
        legal.party_kind,
        legal.party_id,
        legal.transitions,
        jsonb_build_object('kind', legal.kind, 'authority', legal.authority, 'mitigate_by', legal.mitigate_by, 'report_by', legal.report_by)
    from legal
    cross join lateral (
        values
        (1, null, 'received', legal.received_at, true),
        (2, coalesce(legal.told_state, 'received'), 'mitigated', legal.mitigated_at, legal.mitigated_at is not null),
        (3, coalesce(legal.told_state, 'received'), 'overdue', legal.mitigate_by, legal.mitigated_at is null and legal.mitigate_by < %(now)s)
    ) as step (number, from_state, state, at, is_so)
    where step.is_so and step.state <> all(legal.states)
),

numbered as (
    select *, transitions + row_number() over (partition by subject, subject_id order by number) as ordinal
    from changes
)

-- A transition is known by its place in the subject's history: of two that see the same change at once, one is appended.
select decisions.append(
    coalesce(
        jsonb_agg(
            jsonb_build_object(
                'entry_type', 'transition',
                'actor', 'handle_traceback',
                'service_date', service_date,
                'party_kind', party_kind,
                'party_id', party_id,
                'payload', particulars || jsonb_build_object(
                    'transition_id', concat_ws(' ', subject, subject_id, ordinal),
                    'subject', subject,
                    'subject_id', subject_id,
                    'from', from_state,
                    'to', state,
                    'at', at
                )
            )
            -- a clock that starts on the next business day, or ran out before the file came, does not reorder a history
            order by subject, subject_id, ordinal
        ),
        '[]'
    ),
    %(now)s
)
from numbered
