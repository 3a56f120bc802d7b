/**
 * The library: what `import … from "dcs"` gives. Everything here is covered by the change log; nothing else is.
 */
export type { GrpcRequestSpec, HttpRequestSpec, LockPlaces, StatusRange } from "./bench/bench-plan.ts";
export { type BenchTarget, parseBenchTarget } from "./bench/bench-target.ts";
export type { Stage } from "./bench/load/schedule.ts";
export type {
  BenchEnvironment,
  BenchResult,
  BenchSetup,
  ComparisonResult,
  FindMaxResult,
  FindMaxStep,
  InstanceResult,
  LatencySummary,
  MetricComparison,
  RunStatistics,
  SeriesPoint,
  ThresholdResult,
} from "./bench/result.ts";
export type { BenchOptions } from "./bench/run/bench-options.ts";
export { type BenchRequest, runBench } from "./bench/run/run-bench.ts";
export { readRuns, runsOf, type SavedRuns, saveRuns } from "./bench/run/saved-runs.ts";
export { abbaOrder } from "./bench/stats/abba.ts";
export { type CompareRunsOptions, compareRuns } from "./bench/stats/compare-runs.ts";
export { DcsError, ERROR_TABLE, type ErrorCode, type ErrorDetails, isDcsError } from "./errors.ts";
export { LeaseKeeper, type LeaseKeeperOptions, type LeaseLoss } from "./lease/keeper.ts";
export type { Leader } from "./lock/election/leader.ts";
export { type ObserveOptions, observeElection } from "./lock/election/observe-election.ts";
export { guardStatus, runGuarded } from "./lock/guard.ts";
export type { GuardEvent, GuardOptions, GuardOutcome, LossReason, OnDoubt } from "./lock/guard-options.ts";
export type {
  AcquireRequest,
  Hold,
  LockDriver,
  LockEvent,
  LockHolder,
  LockMode,
  LockState,
  Renewal,
} from "./lock/lock.ts";
export { type LocksAddress, openLocks } from "./lock/open-locks.ts";
export type { SqlParam } from "./mysql/bind-params.ts";
export { currentHolder } from "./process/identity.ts";
export { type InstanceFilter, listServices, type Service } from "./registry/catalog.ts";
export { type DeregisterRequest, deregisterInstances } from "./registry/deregister.ts";
export type { Instance, InstanceSpec, InstanceStatus } from "./registry/instance.ts";
export { Registrar } from "./registry/registrar.ts";
export type { Farewell, RegistrarEvent } from "./registry/registrar-events.ts";
export type { RegistrarOptions } from "./registry/registrar-options.ts";
export { type ServiceChange, type ServicesStep, watchServices } from "./registry/watch-services.ts";
export { ActionCaller, type ActionCallerOptions } from "./saga/call/action-caller.ts";
export type { Caller } from "./saga/call/call.ts";
export type { ModuleArgument } from "./saga/call/module-call.ts";
export type { Definition } from "./saga/definition/definition.ts";
export type { Json } from "./saga/definition/expression.ts";
export { parseDefinition, type ReadDefinition, readDefinition } from "./saga/definition/read-definition.ts";
export type {
  CallState,
  CallStatus,
  Cause,
  Direction,
  RunState,
  RunStatus,
  StepState,
} from "./saga/engine/run-state.ts";
export type { Journal, RunFilter, RunRecord } from "./saga/journal/journal.ts";
export {
  type MigrateJournalOptions,
  migrateJournal,
} from "./saga/journal/migrate-journal.ts";
export { type OpenJournalOptions, openJournal } from "./saga/journal/open-journal.ts";
export { type RunView, type RunViewParts, runView } from "./saga/operate/run-view.ts";
export { type Why, why } from "./saga/operate/why.ts";
export {
  type Followed,
  type FollowOptions,
  isOver,
  type NewRunParts,
  Sagas,
  type SagasOptions,
} from "./saga/run/sagas.ts";
export type { Worker, WorkerEvent } from "./saga/run/worker.ts";
export { prepareInput } from "./saga/secrets/prepare-input.ts";
export { type ProcessSecrets, processSecrets } from "./saga/secrets/process-secrets.ts";
export type { Keyspace, Shard, ShardMap } from "./shard/keyspace.ts";
export { keyspacesOf, ShardStore } from "./shard/map/shard-store.ts";
export type { MoveEvent, MoveResult, MoveStatus } from "./shard/move/move-event.ts";
export {
  type RebalanceResult,
  Rebalancer,
  type RebalancerDeps,
  type WantedMove,
} from "./shard/move/rebalancer.ts";
export { type KeyspaceStatus, moveStatus } from "./shard/operate/move-status.ts";
export { type PlanRequest, planRebalance, type RebalancePlan } from "./shard/operate/plan-rebalance.ts";
export { ShardServers, type ShardServersOptions } from "./shard/operate/shard-servers.ts";
export { type Verification, verifyKeyspace } from "./shard/operate/verify-keyspace.ts";
export type { RouterEvent } from "./shard/router/router-event.ts";
export {
  type KeyPlace,
  type RoutedQueryOptions,
  type ShardKey,
  ShardRouter,
  type ShardRouterOptions,
  type TransactionOptions,
} from "./shard/router/shard-router.ts";
export type {
  QueryOptions,
  ShardResult,
  ShardTransaction,
} from "./shard/router/shard-transaction.ts";
export { type OpenStoreOptions, openStore } from "./store/open-store.ts";
export type {
  CallOptions,
  Compare,
  GrantRequest,
  Holder,
  KeyValue,
  Lease,
  LeaseId,
  LeaseInfo,
  ListResult,
  Op,
  Revision,
  Store,
  StoreCapabilities,
  TxnRequest,
  TxnResult,
  WatchBatch,
  WatchEvent,
} from "./store/store.ts";
export type { ServiceAnswer, ServiceRequest } from "./traffic/http-exchange.ts";
export { ListFiles, type ListFilesOptions } from "./traffic/list-files.ts";
export {
  type Candidate,
  createPicker,
  PICKER_POLICIES,
  type Picker,
  type PickerPolicy,
} from "./traffic/picker.ts";
export { type ResolveRequest, resolve } from "./traffic/resolve.ts";
export { type KeptResolveRequest, type Resolution, resolveKept } from "./traffic/resolve-kept.ts";
export { ServiceClient, type ServiceClientOptions } from "./traffic/service-client.ts";
export { ServiceResolver, type ServiceResolverOptions } from "./traffic/service-resolver.ts";
export { type Clock, systemClock } from "./util/clock.ts";
export { formatDuration, parseDuration } from "./util/duration.ts";
export {
  judgeThreshold,
  type MeasuredValues,
  parseThreshold,
  type Threshold,
  type ThresholdMetrics,
} from "./verdict/threshold.ts";
export type { Verdict } from "./verdict/verdict.ts";
