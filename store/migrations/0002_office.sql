-- The office: who may act, what they did, what is registered, what partners say.

CREATE TABLE office_meta (
  name  {{text}} PRIMARY KEY,
  value {{bytes}} NOT NULL
) {{strict}};

CREATE TABLE persons (
  id         {{text}} PRIMARY KEY,
  pseudonym  {{text}} NOT NULL UNIQUE,
  name       {{text}} NOT NULL,
  roles      {{text}} NOT NULL,      -- comma-separated, sorted
  entity     {{text}} NOT NULL,
  token_hash {{bytes}} NOT NULL UNIQUE,
  disabled   {{int}} NOT NULL
) {{strict}};

-- One act is one thing that two persons did. The database itself refuses the
-- same person twice.
CREATE TABLE acts (
  id          {{text}} PRIMARY KEY,
  kind        {{text}} NOT NULL,
  body        {{bytes}} NOT NULL,
  digest      {{bytes}} NOT NULL,
  subject     {{text}} NOT NULL,
  proposer    {{text}} NOT NULL REFERENCES persons(id),
  proposed_at {{int}} NOT NULL,
  approver    {{text}} REFERENCES persons(id),
  approved_at {{int}} NOT NULL,
  state       {{text}} NOT NULL,
  result      {{bytes}} NOT NULL,
  version     {{int}} NOT NULL,
  log_index   {{int}} NOT NULL,
  CHECK (approver IS NULL OR approver <> proposer),
  CHECK (state <> 'done' OR approver IS NOT NULL)
) {{strict}};
CREATE INDEX acts_state ON acts (state, proposed_at, id);
CREATE INDEX acts_subject ON acts (subject, approved_at);
CREATE INDEX acts_digest ON acts (digest);

CREATE TABLE applications (
  id          {{text}} PRIMARY KEY,
  entity      {{text}} NOT NULL,
  scheme      {{text}} NOT NULL,
  level       {{text}} NOT NULL,
  state       {{text}} NOT NULL,
  body        {{bytes}} NOT NULL,    -- the application as submitted, without its evidence
  evidence    {{bytes}} NOT NULL,    -- the evidence file, which lists do not read
  digest      {{bytes}} NOT NULL,    -- of what was submitted: a repeat is known by it
  holder      {{text}} NOT NULL,
  product     {{text}} NOT NULL,
  missing     {{text}} NOT NULL,
  evaluator   {{text}} NOT NULL,
  act         {{text}} NOT NULL,
  certificate {{text}} NOT NULL,
  version     {{int}} NOT NULL,
  created     {{int}} NOT NULL,
  updated     {{int}} NOT NULL
) {{strict}};
CREATE INDEX applications_state ON applications (state, created, id);
CREATE INDEX applications_product ON applications (holder, product, state);

-- What is about to be signed: durable before any signature exists, spent once.
CREATE TABLE intents (
  token    {{text}} PRIMARY KEY,
  act      {{text}} NOT NULL,
  body     {{bytes}} NOT NULL,
  state    {{text}} NOT NULL,        -- recorded, spent, dropped
  at       {{int}} NOT NULL
) {{strict}};
CREATE INDEX intents_state ON intents (state, at);

-- The newest statement of every subject, this office's and its peers'.
CREATE TABLE subjects (
  office  {{text}} NOT NULL,
  subject {{text}} NOT NULL,
  seq     {{int}} NOT NULL,
  digest  {{bytes}} NOT NULL,
  doubt   {{text}} NOT NULL,         -- a rejected statement of this subject: coded; '' none
  PRIMARY KEY (office, subject)
) {{keyed}};

-- Catalogs that this office adopted, by act; the newest whose time has come is in force.
CREATE TABLE adoptions (
  act    {{text}} PRIMARY KEY,
  digest {{text}} NOT NULL,
  since  {{int}} NOT NULL,
  at     {{int}} NOT NULL
) {{strict}};

-- What this office has on a product, by holder and model: any of it turns a
-- yes for a designation into review.
CREATE TABLE own_records (
  holder {{text}} NOT NULL,
  model  {{text}} NOT NULL,
  kind   {{text}} NOT NULL,          -- refused, revoked, open-case
  id     {{text}} NOT NULL,
  scheme {{text}} NOT NULL,
  at     {{int}} NOT NULL,
  PRIMARY KEY (holder, model, kind, id)
) {{strict}};

CREATE TABLE numbers (
  scheme {{text}} PRIMARY KEY,
  last   {{int}} NOT NULL
) {{strict}};

-- The register: this office's grants and designations, and what its peers'
-- logs say of theirs. All of it can be made again from logs alone.
CREATE TABLE certificates (
  office     {{text}} NOT NULL,
  id         {{text}} NOT NULL,
  number     {{text}} NOT NULL,
  scheme     {{text}} NOT NULL,
  edition    {{text}} NOT NULL,
  level      {{text}} NOT NULL,
  holder     {{text}} NOT NULL,
  product    {{text}} NOT NULL,      -- folded brand, name and models, for search and for "the same product"
  functions  {{text}} NOT NULL,
  granted    {{int}} NOT NULL,       -- days
  expires    {{int}} NOT NULL,       -- days, 0 none
  src_office {{text}} NOT NULL,      -- designations: what they rest on
  src_id     {{text}} NOT NULL,
  clause     {{text}} NOT NULL,
  state      {{text}} NOT NULL,      -- as the newest event left it, without the calendar
  body       {{bytes}} NOT NULL,     -- deterministic CBOR, as in the statement
  leaf       {{bytes}} NOT NULL,
  log_index  {{int}} NOT NULL,
  received   {{int}} NOT NULL,       -- when it became known here; 0 for this office's own
  backdated  {{int}} NOT NULL,
  reasons    {{bytes}} NOT NULL,     -- designations: digest of the outcome's JSON
  PRIMARY KEY (office, id)
) {{strict}};
CREATE INDEX certificates_number ON certificates (number);
CREATE INDEX certificates_source ON certificates (src_office, src_id, office, log_index) WHERE src_office <> '';
CREATE INDEX certificates_received ON certificates (received, id) WHERE received > 0;
CREATE INDEX certificates_list ON certificates (office, log_index);
CREATE INDEX certificates_holder ON certificates (office, holder); -- not the product: its text may be longer than an index entry

CREATE TABLE events (
  office    {{text}} NOT NULL,
  id        {{text}} NOT NULL,
  seq       {{int}} NOT NULL,
  kind      {{text}} NOT NULL,
  body      {{bytes}} NOT NULL,
  leaf      {{bytes}} NOT NULL,
  log_index {{int}} NOT NULL,
  received  {{int}} NOT NULL,
  PRIMARY KEY (office, id, seq)
) {{strict}};

-- Larger things, by digest: catalogs, outcomes, evidence, assessments.
CREATE TABLE blobs (
  digest {{bytes}} PRIMARY KEY,
  kind   {{text}} NOT NULL,
  public {{int}} NOT NULL,
  body   {{bytes}} NOT NULL
) {{strict}};

-- Sources that have to be looked at again, and when. Status changes go first.
CREATE TABLE due (
  office   {{text}} NOT NULL,
  id       {{text}} NOT NULL,
  at       {{int}} NOT NULL,
  priority {{int}} NOT NULL,         -- 0 status, 1 grant, 2 calendar
  PRIMARY KEY (office, id)
) {{keyed}};
CREATE INDEX due_priority ON due (priority, at);

-- The newest outcome for every source: what arrived and why it led where it did.
CREATE TABLE arrivals (
  office  {{text}} NOT NULL,
  id      {{text}} NOT NULL,
  at      {{int}} NOT NULL,
  summary {{text}} NOT NULL,
  reasons {{bytes}} NOT NULL,        -- digest of the outcome where it stands in blobs, else empty
  outcome {{bytes}} NOT NULL,        -- the outcome's JSON where it does not
  PRIMARY KEY (office, id)
) {{strict}};

CREATE TABLE cases (
  id         {{text}} PRIMARY KEY,
  kind       {{text}} NOT NULL,
  state      {{text}} NOT NULL,
  office     {{text}} NOT NULL,
  source     {{text}} NOT NULL,
  clause     {{text}} NOT NULL,
  scheme     {{text}} NOT NULL,
  level      {{text}} NOT NULL,
  why        {{text}} NOT NULL,
  outcome    {{bytes}} NOT NULL,
  subject    {{text}} NOT NULL,      -- the designation it is about, '' where there is none yet
  decision   {{text}} NOT NULL,
  act        {{text}} NOT NULL,
  created    {{int}} NOT NULL,
  version    {{int}} NOT NULL
) {{strict}};
CREATE INDEX cases_state ON cases (state, created, id);
CREATE INDEX cases_source ON cases (office, source, clause, state);

-- What a holder asks for here after the grant abroad.
CREATE TABLE requests (
  office {{text}} NOT NULL,
  id     {{text}} NOT NULL,
  scheme {{text}} NOT NULL,
  entity {{text}} NOT NULL,
  body   {{bytes}} NOT NULL,
  at     {{int}} NOT NULL,
  PRIMARY KEY (office, id, scheme)
) {{keyed}};

-- Extra requirements of a delta clause that this office found to be met, by act.
CREATE TABLE deltas (
  office {{text}} NOT NULL,
  id     {{text}} NOT NULL,
  clause {{text}} NOT NULL,
  act    {{text}} NOT NULL,
  PRIMARY KEY (office, id, clause)
) {{keyed}};

CREATE TABLE policies (
  clause  {{text}} PRIMARY KEY,
  body    {{bytes}} NOT NULL,        -- PolicyBody
  act     {{text}} NOT NULL,
  digest  {{bytes}} NOT NULL,        -- of the act
  since   {{int}} NOT NULL,
  expires {{int}} NOT NULL,
  pinned  {{bytes}} NOT NULL         -- digest of the clause it was made for
) {{strict}};

CREATE TABLE readings (
  clause {{text}} PRIMARY KEY,
  act    {{text}} NOT NULL,
  pinned {{bytes}} NOT NULL
) {{strict}};

-- How much of a standing decision's budget is used, by window.
CREATE TABLE budget_use (
  clause {{text}} NOT NULL,
  slot   {{text}} NOT NULL,          -- h<hour> or d<day>, counted from 1970
  n      {{int}} NOT NULL,
  PRIMARY KEY (clause, slot)
) {{keyed}};

CREATE TABLE peers (
  site       {{text}} PRIMARY KEY,
  body       {{bytes}} NOT NULL,     -- PeerBody
  document   {{bytes}} NOT NULL,
  keys       {{bytes}} NOT NULL,     -- key records pinned, CBOR
  origin     {{text}} NOT NULL,
  size       {{int}} NOT NULL,
  root       {{bytes}} NOT NULL,
  note       {{bytes}} NOT NULL,
  applied    {{int}} NOT NULL,
  heard      {{int}} NOT NULL,
  previous   {{int}} NOT NULL,       -- when the head before this one was last seen to be the newest
  degraded   {{text}} NOT NULL,
  trouble    {{text}} NOT NULL,
  rejected   {{int}} NOT NULL,
  silent     {{int}} NOT NULL,       -- 1 once an alarm told of it
  receipt    {{bytes}} NOT NULL,     -- their newest receipt for our log
  receipt_at {{int}} NOT NULL,
  receipt_size {{int}} NOT NULL,
  ended      {{int}} NOT NULL
) {{strict}};

-- What a peer's log holds and this office could not take. Kept whole.
CREATE TABLE rejects (
  site      {{text}} NOT NULL,
  log_index {{int}} NOT NULL,
  code      {{text}} NOT NULL,
  subject   {{text}} NOT NULL,
  body      {{bytes}} NOT NULL,
  at        {{int}} NOT NULL,
  PRIMARY KEY (site, log_index)
) {{strict}};

-- Entries of a partner's log that a stolen key may have signed, as its key
-- statements say: what of them is taken later is in doubt too.
CREATE TABLE key_doubts (
  site  {{text}} NOT NULL,
  first {{int}} NOT NULL,
  past  {{int}} NOT NULL,            -- the entry that says so
  PRIMARY KEY (site, first, past)
) {{keyed}};

CREATE TABLE evidence_of_misbehavior (
  digest {{bytes}} PRIMARY KEY,
  site   {{text}} NOT NULL,
  kind   {{text}} NOT NULL,
  body   {{bytes}} NOT NULL,
  at     {{int}} NOT NULL
) {{strict}};

CREATE TABLE alarms (
  id      {{int}} PRIMARY KEY,
  at      {{int}} NOT NULL,
  kind    {{text}} NOT NULL,
  site    {{text}} NOT NULL,
  subject {{text}} NOT NULL,
  data    {{bytes}} NOT NULL,
  n       {{int}} NOT NULL,          -- how often since
  cleared {{int}} NOT NULL
) {{strict}};
CREATE INDEX alarms_open ON alarms (cleared, kind, site, subject);
