using System.Collections.Immutable;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.SELinux;
using NativeKubelet.Core.Events;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Network;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Volumes;
using NativeKubelet.Probes;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Volumes;

namespace NativeKubelet.Pods;

/// <summary>
/// Carries out the steps that were decided on: cgroup, directory, volumes, names, sandbox, image, container, and the way
/// back. It keeps nothing between steps, and every step may be repeated. Failures are outcomes; only a cancelled step throws.
/// </summary>
public sealed partial class PodExecutor(
    IContainerRuntime runtime, ImagePulls images, IVolumes volumes, IObjects objects, IClusterFacts cluster, PodCgroups cgroups, RuntimePaths paths, NodeProfile node, PodEvents events,
    PodMeasures measures, TimeProvider time, ILogger<PodExecutor> log)
{
    private readonly PodEnvironment _environment = new(objects, cluster, paths, node);
    private readonly HookRunner _hooks = new(runtime, events, time);
    private readonly ContainerStops _stops = new(runtime, new HookRunner(runtime, events, time), node, events, time);

    /// <exception cref="OperationCanceledException">What was begun is undone, or the runtime's snapshot tells of it.</exception>
    public async Task<StepOutcome> ApplyAsync(PodStep step, PodIntent desired, CancellationToken cancel)
    {
        try
        {
            switch (step)
            {
                case CreateSandbox create:
                    return await CreateSandboxAsync(create, desired.Pod, cancel);
                case StartContainer start:
                    return await StartAsync(start, desired.Pod, cancel);
                case ResizePod resize:
                    await runtime.ResizeAsync(new(resize.SandboxId, desired.Pod, resize.Containers), cancel);
                    break;
                case RunPostStart hook:
                    return await RunPostStartAsync(hook, desired.Pod, cancel);
                case StopContainers stop:
                    await _stops.RunAsync(stop.Containers, desired.Pod, cancel);
                    break;
                case StopPod stop:
                    await _stops.RunAsync(stop.Containers, desired.Pod, cancel);
                    foreach (string sandbox in stop.Sandboxes) await runtime.StopSandboxAsync(sandbox, cancel);
                    break;
                case SupersedeContainers ended:
                    runtime.Supersede(ended.Ids);
                    break;
                case RemoveContainer remove:
                    await runtime.RemoveContainerAsync(remove.Id, cancel);
                    break;
                case RemoveSandbox remove:
                    await runtime.RemoveSandboxAsync(remove.Id, cancel);
                    break;
                case TearDown:
                    await TearDownAsync(desired.Uid, cancel);
                    break;
                case Forget:
                    await ForgetAsync(desired.Pod, cancel);
                    break;
                default:
                    throw new InvalidOperationException($"no such step: {step}");
            }
            return new StepOutcome.Done();
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            if (step is RemoveContainer or RemoveSandbox) LeftoverKept(PodMessages.Format(desired.Pod), e.Message);
            else if (step is SupersedeContainers) events.Warning(desired.Pod, EventReasons.FailedSync, $"error restarting all containers: {e.Message}");
            // A resize is told of by its worker, which knows what it had said before.
            else if (step is not ResizePod) events.Warning(desired.Pod, EventReasons.FailedKillPod, $"error killing pod: {e.Message}");
            return new StepOutcome.Failed(e.Message);
        }
    }

    /// <summary>The Burstable tier weighs as much as its pods ask for together.</summary>
    public async Task WeighAsync(IReadOnlyCollection<V1Pod> active, CancellationToken cancel)
    {
        try
        {
            await cgroups.UpdateBurstableSharesAsync(active, cancel);
        }
        catch (Exception e) when (e is IOException or FormatException)
        {
            SharesNotSet(e.Message);
        }
    }

    /// <summary>Brings the files of mounted volumes up to date. What cannot be had leaves them as they are, and is told.</summary>
    /// <returns>False when some are not.</returns>
    public async Task<bool> RefreshVolumesAsync(V1Pod pod, CancellationToken cancel)
    {
        try
        {
            await volumes.RefreshAsync(pod, cancel);
            return true;
        }
        catch (VolumeException e)
        {
            events.Warning(pod, EventReasons.FailedMount, e.Message);
            return false;
        }
    }

    private async Task<StepOutcome> CreateSandboxAsync(CreateSandbox create, V1Pod pod, CancellationToken cancel)
    {
        if (create.Attempt > 0) events.Normal(pod, EventReasons.SandboxChanged, EventMessages.SandboxChanged);
        measures.Sandboxes.Increment();
        if (pod.Spec.HostUsers == false) measures.UserSandboxes.Increment();
        (string Reason, string Head) stage = (EventReasons.FailedCreatePodContainer, "unable to ensure pod container exists: ");
        try
        {
            PodCgroup group = await cgroups.EnsurePodAsync(pod, cancel);
            stage = (EventReasons.Failed, "error making pod data directories: ");
            PodDirectory.Create(paths, pod.Metadata.Uid);
            stage = (EventReasons.FailedMount, "");
            await volumes.SetUpAsync(pod, cancel);
            stage = (EventReasons.FailedCreatePodSandBox, "Failed to create pod sandbox: ");
            if (!PodHostname.TryDerive(pod, node.Hostname, node.ClusterDomain, out PodHostname? names, out string fault))
                throw new RuntimeException(EventReasons.FailedCreatePodSandBox, fault);
            PodDns dns = PodDns.Build(pod, node.ReadDns());
            foreach (DnsWarning warning in dns.Warnings) Tell(pod, warning);
            if (node.Facts.SELinux is null && SELinuxDemand.Of(pod) is { } label) events.Warning(pod, EventReasons.SELinuxNotEnabled, EventMessages.NoSELinux(label));
            await runtime.CreateSandboxAsync(new(pod, create.Attempt, names.Kernel, dns.Content, group.Path, Ports(pod))
            {
                Handler = await cluster.HandlerAsync(pod, cancel),
                Granted = GrantedTo(pod),
            }, cancel);
            return new StepOutcome.Done();
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            measures.FailedSandboxes.Increment();
            if (pod.Spec.HostUsers == false) measures.FailedUserSandboxes.Increment();
            if (e is RuntimeException { Reason: EventReasons.NetworkNotReady }) stage = (EventReasons.NetworkNotReady, "network is not ready: ");
            events.Warning(pod, stage.Reason, stage.Head + e.Message);
            return new StepOutcome.Failed(e.Message);
        }
    }

    private async Task<StepOutcome> StartAsync(StartContainer start, V1Pod pod, CancellationToken cancel)
    {
        V1Container container = ContainerSpecs.Find(pod.Spec, start.Container)!;
        V1EphemeralContainer? ephemeral = ContainerSpecs.Ephemeral(pod.Spec, start.Container);
        string kind = ephemeral is not null ? "ephemeral_container" : pod.Spec.InitContainers?.Contains(container) == true ? "init_container" : "container";
        measures.Containers.Increment(kind);
        if (SupportedFields.Refusal(pod, container.Name) is { } refusal) return NotStarted(new("CreateContainerConfigError", refusal, Final: true));
        if (!runtime.IsWhole(start.SandboxId)) return NotStarted(new("CreateContainerError", "the pod's directory was removed, so the pod is made anew"));
        int restarts = start.RestartCount ?? PodLogs.NextRestart(paths, pod, container.Name);
        string wanted = container.Image;
        try
        {
            ImageRecord image = await images.EnsureAsync(pod, container, cancel);
            await volumes.SetUpAsync(pod, cancel);
            foreach (V1Volume shown in VolumeUse.ImagesOf(pod, container))
            {
                wanted = shown.Image.Reference;
                await volumes.SetUpImageAsync(pod, shown, await images.EnsureAsync(pod, container.Name, wanted, shown.Image.PullPolicy, cancel), Find(start.SandboxId)?.UsersPid, cancel);
            }
            ImmutableArray<KeyValuePair<string, string>> environment = await _environment.OfAsync(pod, container, IpsOf(start.SandboxId), cancel);
            ImmutableArray<ResolvedMount> mounts = await volumes.MountsAsync(pod, container, new Dictionary<string, string>(environment), cancel);
            await runtime.StartContainerAsync(
                new(start.SandboxId, pod, container, restarts, start.BackoffStep, ContainerHash.Of(container), image, environment, mounts, cgroups.Of(pod).Path, node.MemoryBytes)
                {
                    Devices = volumes.Devices(pod, container),
                    Ephemeral = ephemeral is not null,
                    TargetId = TargetOf(pod, ephemeral),
                }, cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            return NotStarted(e switch
            {
                ImageException image => new(image.Reason, image.Message, wanted, Final: image.Reason == "InvalidImageName"),
                VolumeException or ContainerConfigException => new("CreateContainerConfigError", e.Message),
                RuntimeException run => new(run.Reason, run.Message, Recorded: HasRecord(pod, container.Name, restarts)),
                _ => new("CreateContainerError", e.Message),
            });
        }
        events.Normal(pod, EventReasons.Created, EventMessages.ContainerCreated, container.Name);
        events.Normal(pod, EventReasons.Started, EventMessages.ContainerStarted, container.Name);
        return new StepOutcome.Done();

        StepOutcome NotStarted(StepOutcome.NotStarted failure)
        {
            measures.FailedContainers.Increment((kind, failure.Reason));
            // What left a record was made, and failed at its first instruction.
            if (failure.Recorded) events.Normal(pod, EventReasons.Created, EventMessages.ContainerCreated, container.Name);
            events.Warning(pod, EventReasons.Failed, EventMessages.Error(failure.Image is null ? failure.Message : failure.Reason), container.Name);
            return failure;
        }
    }

    private async Task<StepOutcome> RunPostStartAsync(RunPostStart step, V1Pod pod, CancellationToken cancel)
    {
        V1Container container = PodResources.AllContainers(pod.Spec).First(c => c.Name == step.Container);
        ProbeSubject subject = new(container, step.Id, ProbeSubject.IpOf(pod, step.Id, runtime.Sandboxes, node));
        if (await _hooks.RunAsync(container.Lifecycle!.PostStart!, pod, subject, cancel) is not { } fault) return new StepOutcome.Done();
        // Without details: a hook's words may be secrets, and events are read by more people than the status.
        events.Warning(pod, EventReasons.FailedPostStartHook, EventMessages.PostStartHookFailed, step.Container);
        return new StepOutcome.NotStarted("PostStartHookError", fault);
    }

    /// <returns>The instance that an ephemeral container is to look into; null: none.</returns>
    private string? TargetOf(V1Pod pod, V1EphemeralContainer? ephemeral) => ephemeral?.TargetContainerName is not { Length: > 0 } target ? null
        : PodObservation.Of(runtime.Sandboxes, pod.Metadata.Uid).Newest(target)?.Id ?? throw new ContainerConfigException($"unable to find target container {target}");

    /// <summary>The pod's group is older than its sandbox, and keeps what it was given.</summary>
    private PodAllocation GrantedTo(V1Pod pod) => runtime.Sandboxes.LastOrDefault(s => s.PodUid == pod.Metadata.Uid)?.Granted ?? PodAllocation.Of(pod.Spec);

    private ImmutableArray<string> IpsOf(string sandbox) => Find(sandbox) is { Ips.IsDefaultOrEmpty: false } found ? found.Ips : [];

    private SandboxState? Find(string sandbox) => runtime.Sandboxes.FirstOrDefault(s => s.Id == sandbox);

    private bool HasRecord(V1Pod pod, string container, int restarts) => runtime.Sandboxes
        .Any(s => s.PodUid == pod.Metadata.Uid && s.Containers.Any(c => c.Name == container && c.RestartCount == restarts && c.Phase == ContainerPhase.Exited));

    private async Task TearDownAsync(string uid, CancellationToken cancel)
    {
        await volumes.TearDownAsync(uid, cancel);
        if (!await cgroups.RemovePodAsync(uid, cancel)) throw new IOException($"processes in the cgroup of pod {uid} do not end");
    }

    private async Task ForgetAsync(V1Pod pod, CancellationToken cancel)
    {
        foreach (SandboxState sandbox in runtime.Sandboxes.Where(s => s.PodUid == pod.Metadata.Uid))
            await runtime.RemoveSandboxAsync(sandbox.Id, cancel);
        PodLogs.Remove(paths, pod);
        // Last: as long as the directory is there, an agent that starts anew knows that something is left to do.
        PodDirectory.Remove(paths, pod.Metadata.Uid);
    }

    private void Tell(V1Pod pod, DnsWarning warning)
    {
        events.Warning(pod, warning.Reason, warning.Message);
        if (warning.OnNodeToo) events.NodeWarning(node.Facts.Name, warning.Reason, warning.Message);
    }

    private static ImmutableArray<PortMapping> Ports(V1Pod pod) => pod.Spec.HostNetwork == true ? [] :
    [
        .. from container in pod.Spec.Containers.Concat((pod.Spec.InitContainers ?? []).Where(PodResources.IsSidecar))
           from port in container.Ports ?? []
           where port.HostPort is > 0
           select new PortMapping(port.HostPort ?? 0, port.ContainerPort, port.Protocol ?? "TCP", port.HostIP ?? ""),
    ];

    [LoggerMessage(LogLevel.Warning, "LeftoverKept pod={Pod}: {Cause}")]
    private partial void LeftoverKept(string pod, string cause);

    [LoggerMessage(LogLevel.Warning, "BurstableSharesNotSet: {Cause}")]
    private partial void SharesNotSet(string cause);
}
