/**
 * The one error class and the one table of codes.
 *
 * Every failure dcs reports on purpose is a {@link DcsError}; its code decides the exit status, whether a retry can
 * help, and the hint shown to the operator. docs/errors.md is generated from this table.
 */

/** What a code means to the caller. `exit` is the process exit status; `hint` is the line that says what to type next. */
export interface ErrorSpec {
  readonly exit: number;
  /** True when the same call may succeed later without any change by the caller. */
  readonly retryable: boolean;
  readonly about: string;
  readonly hint: string;
}

/** The table. Codes are API: they are never renamed, and an exit status is never changed. */
export const ERROR_TABLE = {
  UNEXPECTED: {
    exit: 1,
    retryable: false,
    about: "A failure dcs did not foresee: a bug in dcs, or a system call that failed in a new way.",
    hint: "run it again with --debug to see the whole cause chain",
  },
  USAGE: {
    exit: 2,
    retryable: false,
    about: "A flag or argument is missing, unknown or malformed.",
    hint: "run the command with --help",
  },
  NAME_INVALID: {
    exit: 2,
    retryable: false,
    about: "A service, lock or instance name breaks the naming rules.",
    hint: "service names use A-Z a-z 0-9 . _ - ; lock names are printable text, / only inside",
  },
  TTL_INVALID: {
    exit: 2,
    retryable: false,
    about: "A TTL is outside what the backend can keep.",
    hint: "give a duration such as 5s or 1m",
  },
  URL_INVALID: {
    exit: 2,
    retryable: false,
    about: "A backend URL cannot be read, or names a scheme that this part does not run on.",
    hint: "use embedded:, embedded:/path/to/file.db or etcd://host:port, and for locks also redis://host:port, redis://a,b,c, redis+sentinel:// or redis+cluster://",
  },
  FILE_INVALID: {
    exit: 2,
    retryable: false,
    about: "A file given by the user cannot be read or does not match its schema.",
    hint: "correct the file at the place named",
  },
  SAGA_INVALID: {
    exit: 2,
    retryable: false,
    about: "The definition of a saga cannot be used.",
    hint: "correct it at the place named, then run `dcs saga validate FILE`",
  },
  SAGA_INPUT_INVALID: {
    exit: 2,
    retryable: false,
    about: "The input of a run does not match what its saga asks for, or is too large.",
    hint: "give what the saga's `input:` names: --input NAME=VALUE or --input-file FILE",
  },
  SHARD_KEYSPACE_INVALID: {
    exit: 2,
    retryable: false,
    about: "A keyspace, or one of its shards, is not as it must be.",
    hint: "correct what is named",
  },
  RUN_AMBIGUOUS: {
    exit: 2,
    retryable: false,
    about: "The beginning of a run's id fits more than one run.",
    hint: "give more of the id: `dcs saga ls`",
  },
  SHARD_SCHEMA_UNSUITABLE: {
    exit: 2,
    retryable: false,
    about:
      "A table or a server cannot take part in a keyspace as it is; nothing was changed. The details have every finding.",
    hint: "mend what is named, then run it again; --dry-run shows all of it",
  },
  SHARD_STATEMENT_REFUSED: {
    exit: 2,
    retryable: false,
    about:
      "The statement is none that the router can route: it would end the transaction, change the session, or pass by the fence.",
    hint: "give one SELECT, INSERT, UPDATE, DELETE, REPLACE or CALL; run DDL on each shard by itself",
  },
  SHARD_STATEMENT_FAILED: {
    exit: 2,
    retryable: false,
    about:
      "The shard's server refused the statement: its syntax, a table, a column or a value; it changed nothing.",
    hint: "correct the statement; details.errno is the server's number",
  },
  CONFIG_INVALID: {
    exit: 2,
    retryable: false,
    about: "A configuration file, or a DCS_* variable, cannot be used.",
    hint: "run `dcs config validate`",
  },
  CONTEXT_UNKNOWN: {
    exit: 2,
    retryable: false,
    about: "The named context is not defined in any configuration file.",
    hint: "run `dcs config contexts`",
  },
  CONFIRM_REQUIRED: {
    exit: 2,
    retryable: false,
    about: "A destructive verb needs a confirmation that cannot be asked for here.",
    hint: "add --yes, or --confirm CONTEXT on a protected context",
  },
  CONTEXT_PROTECTED: {
    exit: 2,
    retryable: false,
    about: "The command never runs on a protected context, whatever is confirmed.",
    hint: "choose another context with --context",
  },
  LOCK_HELD: {
    exit: 3,
    retryable: true,
    about: "Somebody else holds the lock, and the wait (0 s by default) ran out.",
    hint: "wait for it with --wait 30s, or see who holds it with `dcs lock inspect NAME`",
  },
  LOCK_LOST: {
    exit: 3,
    retryable: true,
    about:
      "The lock was held and then lost: its lease ran out, was revoked, or could not be renewed in time.",
    hint: "what ran under it was stopped; check its effects, then run it again",
  },
  LOCK_NOT_OWNED: {
    exit: 3,
    retryable: false,
    about: "The token given is not that of the present holder.",
    hint: "run `dcs lock inspect NAME` to see who holds it",
  },
  LOCK_MODE_MIXED: {
    exit: 3,
    retryable: false,
    about:
      "The lock is held in a mode that does not go with the one asked for. Exclusive and shared wait for each other; slots go only with the same number of slots.",
    hint: "ask for it as its holders do: `dcs lock inspect NAME` shows how, or take another name",
  },
  LOCK_MODE_UNSUPPORTED: {
    exit: 2,
    retryable: false,
    about: "The backend of the locks has no such mode: a quorum of Redis servers has exclusive locks only.",
    hint: "keep locks with --slots or --shared on the embedded store, etcd or one Redis server",
  },
  LOCK_FOREIGN: {
    exit: 3,
    retryable: false,
    about: "The key of the lock's name on Redis belongs to an application: it is not a lock.",
    hint: "choose another lock name",
  },
  PLAN_STALE: {
    exit: 3,
    retryable: false,
    about: "The world is not as it was when the plan was made; nothing was done.",
    hint: "look again and make a new plan: --dry-run --out FILE",
  },
  RUN_STATE: {
    exit: 3,
    retryable: false,
    about: "What was asked for does not fit the state that the run is in; nothing was changed.",
    hint: "run `dcs saga why RUN` to see where it stands",
  },
  RUN_HELD: {
    exit: 3,
    retryable: true,
    about: "Another worker executes the run; what was asked for is written down and it will take it up.",
    hint: "run `dcs saga show RUN --watch`",
  },
  RUN_MOVED: {
    exit: 3,
    retryable: true,
    about: "Another replay of the same run began first.",
    hint: "run `dcs saga show RUN` to see its replays",
  },
  RUN_LOST: {
    exit: 3,
    retryable: true,
    about:
      "This process lost its lease of the run: it was stopped for too long, or could not reach the journal.",
    hint: "run `dcs saga show RUN`: another worker has it, or `dcs saga resume RUN` continues it here",
  },
  JOURNAL_NOT_MIGRATED: {
    exit: 3,
    retryable: false,
    about: "The database has no tables of the journal yet, or those of an older dcs.",
    hint: "run `dcs saga migrate`",
  },
  JOURNAL_NEWER: {
    exit: 3,
    retryable: false,
    about: "The journal was made by a newer dcs.",
    hint: "upgrade dcs here",
  },
  SHARD_KEYSPACE_EXISTS: {
    exit: 3,
    retryable: false,
    about: "The store has a keyspace of this name already.",
    hint: "see it with `dcs shard ls`, or take another name",
  },
  SHARD_CHANGED: {
    exit: 3,
    retryable: true,
    about:
      "The keyspace, its shards or the map are not as they were when it was decided what to do; nothing was done.",
    hint: "look again: `dcs shard ls`, and make a new plan: `dcs shard plan`",
  },
  SHARD_CONSTRAINT: {
    exit: 3,
    retryable: false,
    about:
      "A unique key, a foreign key or a CHECK of the shard's table is against the statement; it changed nothing.",
    hint: "look at the row that is in the way; details.errno is the server's number",
  },
  SHARD_KEYS_APART: {
    exit: 3,
    retryable: false,
    about: "The keys of one transaction are on different shards; nothing was begun.",
    hint: "make it a transaction for each shard, or a saga: `dcs saga --help`",
  },
  SHARD_BUCKET_CLOSED: {
    exit: 3,
    retryable: true,
    about:
      "The server refused the bucket for as long as the router tries again: it is changing hands, or its move stands still. The transaction did nothing.",
    hint: "run `dcs shard status`; a move whose runner is gone goes on with `dcs shard resume`",
  },
  SHARD_CONTENDED: {
    exit: 3,
    retryable: true,
    about:
      "Deadlocks, or locks that were not given in time, for as long as the router tries again. The transaction did nothing.",
    hint: "run it again; transactions that take rows in the same order do not deadlock",
  },
  SHARD_TRANSACTION_SLOW: {
    exit: 3,
    retryable: true,
    about: "A transaction took longer than the router lets one take (transactionMs); it was rolled back.",
    hint: "make it shorter: it holds locks, and keeps moved buckets from being cleaned up",
  },
  SHARD_BUSY: {
    exit: 3,
    retryable: true,
    about: "A bucket is on its way already, or another process moves it.",
    hint: "see which with `dcs shard status`; when its runner is gone, `dcs shard resume`",
  },
  SHARD_TOO_LATE: {
    exit: 3,
    retryable: false,
    about: "The bucket has its new owner already: the move cannot be aborted any more, only finished.",
    hint: "finish it with `dcs shard resume`, then move the bucket back",
  },
  SHARD_NOT_EMPTY: {
    exit: 3,
    retryable: false,
    about: "The shard still has buckets, so it cannot be taken away.",
    hint: "let it drain, and move its buckets: `dcs shard rebalance`",
  },
  SHARD_NO_TARGET: {
    exit: 3,
    retryable: false,
    about: "Every shard of the keyspace is draining: there is none to give buckets to.",
    hint: "add a shard: `dcs shard add`",
  },
  SHARD_STORE_NEWER: {
    exit: 3,
    retryable: false,
    about: "What the store keeps of the keyspace was written by a newer dcs.",
    hint: "upgrade dcs here",
  },
  SHARD_STATE: {
    exit: 3,
    retryable: false,
    about: "A server says of a bucket what cannot be by the map; the move was left as it is.",
    hint: "look at both with `dcs shard status`; somebody wrote to dcs_bucket, or the server was restored from a backup",
  },
  SHARD_PAUSE_BUDGET: {
    exit: 3,
    retryable: true,
    about:
      "A bucket could not be cut over within --max-pause, however often it was tried; applications write as before.",
    hint: "end long transactions on the source, or give a longer --max-pause; `dcs shard resume` goes on with the move",
  },
  SHARD_MOVE_STUCK: {
    exit: 5,
    retryable: true,
    about: "A move could not go on, and is left where it is.",
    hint: "when the cause is gone: `dcs shard resume`",
  },
  SHARD_SCHEMA_MISSING: {
    exit: 3,
    retryable: false,
    about: "The database of a shard has no tables of dcs.",
    hint: "check its URL with `dcs shard ls`; a new shard is made by `dcs shard add NAME=URL`",
  },
  SHARD_SCHEMA_MISMATCH: {
    exit: 3,
    retryable: false,
    about: "The database of a shard was set up for another keyspace, number of buckets, hash or tables.",
    hint: "check its URL with `dcs shard ls`; what an interrupted `dcs shard init` left is taken away by `dcs shard uninstall --shard NAME=URL`",
  },
  SHARD_SCHEMA_NEWER: {
    exit: 3,
    retryable: false,
    about: "The database of a shard was set up by a newer dcs.",
    hint: "upgrade dcs here",
  },
  SHARD_ROW_TOO_LARGE: {
    exit: 3,
    retryable: false,
    about:
      "A row of a moving bucket, written as SQL, is longer than max_allowed_packet of one of its two servers.",
    hint: "raise max_allowed_packet there to more than twice the row's bytes; then `dcs shard resume`",
  },
  SHARD_SCHEMA_DIFFERS: {
    exit: 3,
    retryable: true,
    about:
      "A table is not the same on both servers of a move, which is left where it is; applications write as before.",
    hint: "make the same change on both servers, then `dcs shard resume`",
  },
  INSTANCE_TAKEN: {
    exit: 3,
    retryable: true,
    about: "Another live registrant holds this address in this service.",
    hint: "stop the other registrant, or run `dcs deregister SERVICE/HOST:PORT`",
  },
  INSTANCE_UNHEALTHY: {
    exit: 3,
    retryable: true,
    about:
      "The check of an instance failed for --deregister-after: it was deregistered, and what ran for it was stopped.",
    hint: "see what the check found, then start it again",
  },
  STORE_CONFLICT: {
    exit: 3,
    retryable: true,
    about: "The world changed between reading and writing, more often than dcs will retry.",
    hint: "run it again",
  },
  PERMISSION_DENIED: {
    exit: 4,
    retryable: false,
    about: "The operating system or the backend refused access.",
    hint: "check the owner and mode of the path named, or the credentials",
  },
  JOURNAL_AUTH: {
    exit: 4,
    retryable: false,
    about: "The database of the journal refused the user, the password or a privilege.",
    hint: "check the URL's user and password (`dcs config show --origin`), and grant what is named",
  },
  SHARD_AUTH: {
    exit: 4,
    retryable: false,
    about: "The server of a shard refused the user, the password or a privilege.",
    hint: "check the URL's user and password, and grant what is named",
  },
  SHARD_ROUTER_STALE: {
    exit: 5,
    retryable: true,
    about:
      "The router lost its lease, so its map of the shards cannot be trusted, and it could not join again yet. Nothing was begun.",
    hint: "see whether the store answers: `dcs doctor`",
  },
  SHARD_POOL_EXHAUSTED: {
    exit: 5,
    retryable: true,
    about:
      "All connections to the shard were busy for as long as the router waits for one. Nothing was begun.",
    hint: "send less at once, give a larger poolSize, or look for slow statements on the shard",
  },
  SHARD_OUTCOME_UNKNOWN: {
    exit: 5,
    retryable: false,
    about:
      "The connection was lost after COMMIT was sent: the transaction was done whole, or not at all. It was not tried again.",
    hint: "read what it should have written, then decide",
  },
  SHARD_UNREACHABLE: {
    exit: 5,
    retryable: true,
    about: "The server of a shard did not answer within --timeout, or takes no writes.",
    hint: "check its URL with `dcs shard ls`, and the server; then run it again",
  },
  SHARD_FULL: {
    exit: 5,
    retryable: true,
    about: "The disk or a limit of a shard's server left no room.",
    hint: "free some space there, then run it again",
  },
  JOURNAL_UNREACHABLE: {
    exit: 5,
    retryable: true,
    about: "The database of the journal did not answer within --timeout.",
    hint: "see what is wrong with `dcs doctor`, and where the URL came from with `dcs config show --origin`",
  },
  JOURNAL_FULL: {
    exit: 5,
    retryable: true,
    about: "The disk or a limit left no room for the journal; nothing was changed.",
    hint: "free some space, then run it again; no run is lost",
  },
  JOURNAL_CORRUPT: {
    exit: 5,
    retryable: false,
    about: "The journal's file or tables are not dcs's, or are damaged.",
    hint: "restore them from a backup: the journal is the only record of what runs did",
  },
  STORE_UNREACHABLE: {
    exit: 5,
    retryable: true,
    about: "The store did not answer within --timeout.",
    hint: "see what is wrong with `dcs doctor`, and where the URL came from with `dcs config show --origin`",
  },
  STORE_BUSY: {
    exit: 5,
    retryable: true,
    about: "Another process held the embedded store's write lock for the whole --timeout.",
    hint: "look for a stopped dcs process (state T in `ps`), or give a longer --timeout",
  },
  STORE_CORRUPT: {
    exit: 5,
    retryable: false,
    about: "The embedded store's file is not a dcs store, or is damaged.",
    hint: "move the file away; the store holds leases only, so dcs makes a new one",
  },
  STORE_NEWER: {
    exit: 5,
    retryable: false,
    about: "The embedded store's file was written by a newer dcs with another format.",
    hint: "upgrade dcs, or use another file with --store embedded:/path",
  },
  STORE_UNWRITABLE: {
    exit: 5,
    retryable: false,
    about:
      "The embedded store's file or directory cannot be created or written; or Redis takes no writes (a read-only replica, too few replicas, a failed save).",
    hint: "make it writable, or use another place: --store embedded:/path/to/file.db",
  },
  STORE_FULL: {
    exit: 5,
    retryable: true,
    about: "The disk, a quota or a file size limit left no room for the write; nothing was changed.",
    hint: "free some space, then run it again",
  },
  NODES_YOUNG: {
    exit: 5,
    retryable: true,
    about:
      "Too many Redis servers of the quorum started so recently that they may have forgotten a lock that is still held.",
    hint: "wait until the times named; or, if nothing was ever locked on these servers (a new or test set-up), add ?young=count to the locks URL",
  },
  STORE_NETWORK_FS: {
    exit: 5,
    retryable: false,
    about: "The embedded store's file is on a network filesystem, where its locking cannot be trusted.",
    hint: "use a local path: --store embedded:/var/lib/dcs/store.db",
  },
  SHARD_STORE_INVALID: {
    exit: 5,
    retryable: false,
    about:
      "What the store keeps of the keyspace cannot be read, or contradicts itself: something else wrote it.",
    hint: "restore the store from a backup, or correct the key named",
  },
  ENGINE_MISSING: {
    exit: 5,
    retryable: false,
    about: "A server that `dcs up` is to start is not installed on this machine; nothing was started.",
    hint: "install what is named, or leave it out: `dcs up --only etcd,redis`",
  },
  ENGINE_FAILED: {
    exit: 5,
    retryable: true,
    about:
      "A local server of `dcs up` ended, or did not answer in time; what this run started was stopped again.",
    hint: "read the end of its log: `dcs up --status`",
  },
  SERVICE_NOT_FOUND: {
    exit: 6,
    retryable: true,
    about: "No ready instance of the service is registered.",
    hint: "run `dcs services`, or wait for one with `dcs resolve NAME --wait 30s`",
  },
  INSTANCE_NOT_FOUND: {
    exit: 6,
    retryable: false,
    about: "No such instance is registered.",
    hint: "run `dcs services SERVICE`",
  },
  LEASE_NOT_FOUND: {
    exit: 6,
    retryable: false,
    about: "The lease does not exist: it never did, ran out, or was revoked.",
    hint: "run `dcs lease ls`",
  },
  SHARD_UNKNOWN: {
    exit: 6,
    retryable: false,
    about: "The keyspace has no shard of that name.",
    hint: "run `dcs shard ls KEYSPACE`",
  },
  SHARD_KEYSPACE_UNKNOWN: {
    exit: 6,
    retryable: false,
    about: "The store has no such keyspace; or it has several, and none was named.",
    hint: "name one with --keyspace, or make one with `dcs shard init`",
  },
  SHARD_MOVE_NOT_FOUND: {
    exit: 6,
    retryable: false,
    about: "No move of the bucket is under way.",
    hint: "see what is with `dcs shard status`, and what was with `dcs shard history`",
  },
  LOCK_NOT_FOUND: {
    exit: 6,
    retryable: false,
    about: "Nobody holds the lock or waits for it.",
    hint: "run `dcs lock ls`",
  },
  RUN_NOT_FOUND: {
    exit: 6,
    retryable: false,
    about: "The journal has no such run.",
    hint: "run `dcs saga ls --all`, and check which journal it is: `dcs config show --origin`",
  },
  RUN_PARKED: {
    exit: 8,
    retryable: false,
    about: "The run stopped where only a person can decide; nothing is lost. The data has every step.",
    hint: "run `dcs saga why RUN`",
  },
  RUN_PENDING: {
    exit: 8,
    retryable: true,
    about: "The run has not ended yet: --wait ran out, or it was interrupted. The data has every step.",
    hint: "run `dcs saga show RUN --watch`, or `dcs saga resume RUN`",
  },
  SHARD_PENDING: {
    exit: 8,
    retryable: true,
    about:
      "Buckets are on their way and the command could not bring them to an end; applications go on, nothing is lost. The data has each.",
    hint: "see where they stand with `dcs shard status`, then `dcs shard resume`",
  },
  SHARD_ABORTED: {
    exit: 9,
    retryable: false,
    about: "The moves were taken back: every bucket is where it was before. The data has each.",
    hint: "make a new plan: `dcs shard plan`",
  },
  RUN_COMPENSATED: {
    exit: 9,
    retryable: false,
    about:
      "The run failed or was cancelled, and everything that it had done was undone. The data has every step.",
    hint: "run `dcs saga why RUN`; when the cause is gone, `dcs saga replay RUN`",
  },
  PARTIAL: {
    exit: 7,
    retryable: true,
    about: "Some of what was asked for was done, some was not; the data names each.",
    hint: "see the data for what is left, then run it again",
  },
  BENCH_UNREACHABLE: {
    exit: 5,
    retryable: true,
    about: "The target of `dcs bench` did not answer the first request, so nothing was measured.",
    hint: "check that the target runs, and that this machine reaches it",
  },
  WATCHDOG_LOST: {
    exit: 1,
    retryable: true,
    about: "The process that would stop the command if dcs were killed could not be started, or died.",
    hint: "check the limits on processes and memory (ulimit -u, cgroup), then run it again",
  },
  DOCTOR_FAILED: {
    exit: 99,
    retryable: false,
    about:
      "`dcs doctor` found something that breaks a promise, or a backend that cannot be reached; the data has every check.",
    hint: "type what stands below each failed check",
  },
  SHARD_VERIFY_FAILED: {
    exit: 99,
    retryable: false,
    about: "`dcs shard verify` found rows or buckets that are not where the map says; the data has each.",
    hint: "see docs/shards.md for what each finding means and what to type",
  },
  SHARD_INCONSISTENT: {
    exit: 99,
    retryable: true,
    about:
      "Rows of a bucket differed between both servers of its move even after they were copied again; the move was stopped before its cut.",
    hint: "look for triggers, cascades and types that change what is written there; then `dcs shard resume`, or `dcs shard abort`",
  },
  BENCH_FAILED: {
    exit: 99,
    retryable: false,
    about:
      "A threshold of `dcs bench` is broken, or the target is slower than its base; the data has all numbers.",
    hint: "see what was slow with --report report.html",
  },
  BENCH_INVALID: {
    exit: 98,
    retryable: true,
    about:
      "`dcs bench` cannot stand behind its numbers: the generator was saturated, the target was not warm, or too little was measured.",
    hint: "do what the reason says, then run it again",
  },
  TORTURE_FAILED: {
    exit: 99,
    retryable: false,
    about: "`dcs lock torture` saw a promise of the locks broken; the data has what was seen.",
    hint: "examine the backend with `dcs doctor`",
  },
  TORTURE_INVALID: {
    exit: 98,
    retryable: true,
    about:
      "`dcs lock torture` could not judge: too few locks were taken, or the machine stood still for too long.",
    hint: "run it again, longer (--duration 2m) or on a machine with less load",
  },
  GRADE_UNKNOWN: {
    exit: 98,
    retryable: true,
    about: "`dcs lock doctor` could not look at the backend of the locks, so there is no grade.",
    hint: "see what is wrong with `dcs doctor`",
  },
  GRADE_INSUFFICIENT: {
    exit: 99,
    retryable: false,
    about:
      "The grade of the backend of the locks is below what --require asks for; the data has the reasons.",
    hint: "type what stands below each reason",
  },
  CONTEXT_TAKEN: {
    exit: 3,
    retryable: false,
    about:
      "The user's configuration has a context `dev` that `dcs up` did not write, and would have to overwrite.",
    hint: "give that context another name in the file",
  },
  DEMO_FAILED: {
    exit: 99,
    retryable: false,
    about: "A step of `dcs demo` did not do what it promises on this machine.",
    hint: "run it again with --debug and report the output",
  },
  WAIT_TIMEOUT: {
    exit: 124,
    retryable: true,
    about: "The awaited condition did not come within --wait.",
    hint: "give a longer --wait, or --wait forever",
  },
  COMMAND_NOT_EXECUTABLE: {
    exit: 126,
    retryable: false,
    about: "The command after -- exists but cannot be executed.",
    hint: "check its mode: chmod +x",
  },
  COMMAND_NOT_FOUND: {
    exit: 127,
    retryable: false,
    about: "The command after --, or the dcs command itself, does not exist.",
    hint: "check the spelling and PATH; `dcs --help` lists the commands of dcs",
  },
  INTERRUPTED: {
    exit: 130,
    retryable: true,
    about: "SIGINT stopped the command; what it held was released.",
    hint: "run it again",
  },
  TERMINATED: {
    exit: 143,
    retryable: true,
    about: "SIGTERM stopped the command; what it held was released.",
    hint: "run it again",
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** Facts about one failure, shown under `details` of the JSON error. Never put secrets here. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface DcsErrorOptions {
  /** What failed underneath; kept as the cause chain and shown with --debug. */
  readonly cause?: unknown;
  readonly details?: ErrorDetails;
  /** Replaces the table's hint where this place knows better. */
  readonly hint?: string;
  /** What was done all the same (codes with exit 7, 8, 9 and 99): the `data` of the JSON document. */
  readonly data?: object;
}

/** A failure with a code. The message says what happened and why, with the value seen; the hint says what to type next. */
export class DcsError extends Error {
  override readonly name = "DcsError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly hint: string;
  readonly data: object | undefined;

  constructor(code: ErrorCode, message: string, options: DcsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.hint = options.hint ?? ERROR_TABLE[code].hint;
    this.data = options.data;
  }

  get exitCode(): number {
    return ERROR_TABLE[this.code].exit;
  }

  get retryable(): boolean {
    return ERROR_TABLE[this.code].retryable;
  }

  /** Where the documentation describes this code. */
  get docs(): string {
    return `docs/errors.md#${this.code.toLowerCase()}`;
  }
}

/** True when `error` is a DcsError, of that code if one is given. */
export function isDcsError(error: unknown, code?: ErrorCode): error is DcsError {
  return error instanceof DcsError && (code === undefined || error.code === code);
}

/** Any thrown thing as a DcsError: itself, or UNEXPECTED with it as the cause. */
export function toDcsError(error: unknown): DcsError {
  if (error instanceof DcsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DcsError("UNEXPECTED", message, { cause: error });
}
