using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Api.Oci;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.SELinux;
using NativeKubelet.Core.Network;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Linux.SELinux;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Sandboxes;
using NativeKubelet.Runtime.Stats;

namespace NativeKubelet.Runtime.Containers;

/// <summary>Root file system, files, bundle, and one run of the OCI runtime under the pod's holder.</summary>
internal sealed partial class ContainerLauncher(
    RuntimeSettings settings, PodCgroups cgroups, CgroupLayout layout, IImageStore images, RuntimeOperations operations, TimeProvider time, ILogger log)
{
    private const int MostPasswdBytes = 1 << 20, StartErrorCode = 128;

    private readonly ContainerRoots _roots = new(images);
    private readonly Confinements _confinements = new(settings.Security);
    private readonly SELinuxLabels? _labels = settings.Security.SELinux is { } contexts ? new(settings.Paths, contexts, log) : null;
    private readonly ConcurrentDictionary<string, bool> _readsMappings = new();   // by program; asked by the first pod that needs to know

    // The OCI runtime gets nothing of the agent's own environment (no NOTIFY_SOCKET, no credentials).
    internal static readonly ImmutableArray<string> RuntimeEnvironment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

    /// <param name="record">Called with the record before the start, and again when it is known how that went.</param>
    /// <returns>The record of a running container.</returns>
    /// <exception cref="RuntimeException">As <see cref="IContainerRuntime.StartContainerAsync"/> says.</exception>
    public async Task<ContainerRecord> StartAsync(Sandbox sandbox, ContainerStart start, Action<ContainerRecord> record, CancellationToken cancel)
    {
        string where = $"container {start.Container.Name} of pod {start.Pod.Metadata.NamespaceProperty}/{start.Pod.Metadata.Name}";
        HolderConnection holder = sandbox.Holder ?? throw new RuntimeException("CreateContainerError", $"{where}: its sandbox is gone");
        using PidNamespace? target = TargetProcesses.Open(sandbox, start);
        ContainerFiles files = new(settings.Paths, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)));
        ContainerRecord created;
        RunRequest request;
        try
        {
            using RuntimeOperations.Running creating = operations.Begin("create_container");
            (created, request) = await PrepareAsync(sandbox, start, files, target?.Path, cancel);
            creating.Succeed();
        }
        catch (Exception e)
        {
            await ClearAsync(files);
            throw e switch
            {
                OperationCanceledException or RuntimeException => e,
                ContainerConfigException or FormatException => new RuntimeException("CreateContainerConfigError", e.Message, e),
                ImageException image => new RuntimeException(image.Reason, image.Message, image),
                _ => new RuntimeException("CreateContainerError", $"{where}: {e.Message}", e),
            };
        }

        record(created);
        using RuntimeOperations.Running starting = operations.Begin("start_container");
        RunResult result;
        try
        {
            // From here on it may run, so a cancelled pod stops it like any other; the runtime itself takes some 30 ms.
            result = await holder.RunContainerAsync(request, CancellationToken.None);
        }
        catch (Exception e) when (e is HolderException or ErrnoException or IOException)
        {
            throw await FailedAsync(created, files, $"{where}: {e.Message}", e, record);
        }
        if (!result.Started)
            throw await FailedAsync(created, files, RuntimeWords(files, result), null, record);
        ContainerRecord running = created with { Phase = ContainerPhase.Running, Pid = result.Pid, StartedAt = time.GetUtcNow() };
        files.Write(running, durable: false);
        record(running);
        starting.Succeed();
        LinkLog(running);
        // It has mounts of its own by now.
        Quietly(files.Id, () => MappedMounts.Unstage(files.UsersDirectory));
        return running;
    }

    /// <summary>Everything of an ended container but its record and logs: OCI state, mounts, writable layer, bundle. Gone already is fine.</summary>
    public async Task ClearAsync(ContainerFiles files)
    {
        try
        {
            foreach (RuncCommand runtime in settings.Runtimes) DirectoryHandle.DeleteTree(Path.Combine(runtime.Root, files.Id));
            await _roots.UnmountAsync(files);
            DirectoryHandle.DeleteTree(files.Bundle);
            if (!File.Exists(files.Record)) DirectoryHandle.DeleteTree(files.Data);
        }
        catch (Exception e) when (e is IOException or ErrnoException or ImageException)
        {
            NotCleared(files.Id, e.Message);
        }
    }

    private async Task<(ContainerRecord Record, RunRequest Request)> PrepareAsync(
        Sandbox sandbox, ContainerStart start, ContainerFiles files, string? targetProcesses, CancellationToken cancel)
    {
        SandboxRecord box = sandbox.Record;
        RuncCommand runtime = settings.RuntimeOf(box.Handler) ?? throw new ContainerConfigException($"the OCI runtime {box.Handler} is not configured any more");
        PodCgroup podGroup = cgroups.Of(start.Pod);
        bool tty = start.Container.Tty == true;
        int stop = StopSignal.Parse(start.Image.Config.StopSignal)
            ?? throw new ContainerConfigException($"image {start.Container.Image}: stop signal \"{start.Image.Config.StopSignal}\" is none");
        ContainerLabels? labels = _labels?.Of(start.Pod, start.Container);
        ContainerRoot root = await _roots.MountAsync(box, start, files, labels?.File, cancel);
        ContainerUser user = ContainerUser.Resolve(
            start.Pod, start.Container, start.Image.Config, ContainerFiles.ReadInside(root.Path, "etc/passwd", MostPasswdBytes), ContainerFiles.ReadInside(root.Path, "etc/group", MostPasswdBytes));
        if (root.Users is { } range) user.CheckWithin(range.Length);

        ContainerRecord record = new(
            ContainerRecord.CurrentVersion, files.Id, box.Id, box.PodUid, box.PodName, box.PodNamespace, box.Attempt, start.Container.Name,
            start.RestartCount, start.BackoffStep, start.Hash, ImageName(start), ImageId(start.Image), settings.BootId,
            cgroups.Tree.LeafPath(podGroup.Name, files.Id), stop, LogPath(box, start), TerminationLog(start), start.Container.TerminationMessagePolicy ?? "File",
            start.Container.StdinOnce == true, time.GetUtcNow(), ContainerPhase.Created, 0, null, null, 0, "", "", new(user.Uid, user.Gid, user.Groups), BeforeStop(start.Container), start.Ephemeral,
            ResizableAmounts.InForce(start.Pod.Spec, start.Container));
        WriteHosts(start, box);
        WriteTerminationLog(record.TerminationLog);
        if (root.Users is { } own)
            foreach (string file in (string[])[HostsPath(box.PodUid), record.TerminationLog]) OwnedFile.Give(file, own.Host);
        if (labels is not null) await LabelAsync(labels.File, Labelled(start, box, record), cancel);
        Directory.CreateDirectory(Path.GetDirectoryName(record.LogPath)!);

        RuntimeSpec spec = RuntimeSpecBuilder.Build(Blueprint(start, box, record, podGroup, user, root, labels, targetProcesses, root.Users is not null && await ReadsMappingsAsync(runtime, cancel)));
        await File.WriteAllBytesAsync(files.Config, JsonSerializer.SerializeToUtf8Bytes(spec, RuntimeSpecJson.Default.RuntimeSpec), cancel);
        files.Write(record, durable: false);
        string? console = tty ? files.ConsoleSocket(files.Id[..16]) : null;
        if (console is not null) Directory.CreateDirectory(Path.GetDirectoryName(console)!);
        return (record, new RunRequest(
            files.Id, runtime.Run(files.Id, files.Bundle, files.PidFile, files.RuntimeLog, console), RuntimeEnvironment, files.PidFile,
            SandboxFiles.Of(settings.Paths, box.Id).ExitFile(files.Id), OomFile(record.CgroupPath), record.LogPath,
            settings.Logs.MaxBytes, settings.Logs.MaxFiles, start.Container.Stdin == true, console));
    }

    private async Task<bool> ReadsMappingsAsync(RuncCommand runtime, CancellationToken cancel)
    {
        if (!_readsMappings.TryGetValue(runtime.Path, out bool reads))
            _readsMappings[runtime.Path] = reads = (await OciRuntimeVersion.ReadAsync(runtime.Path, cancel))?.ReadsMappings == true;
        return reads;
    }

    private ContainerBlueprint Blueprint(
        ContainerStart start, SandboxRecord box, ContainerRecord record, PodCgroup podGroup, ContainerUser user, ContainerRoot root, ContainerLabels? labels, string? targetProcesses, bool readsMappings)
    {
        SandboxFiles shared = SandboxFiles.Of(settings.Paths, box.Id);
        string? Namespace(bool own, string kind) => own ? $"/proc/{box.PausePid}/ns/{kind}" : null;
        bool privileged = start.Container.SecurityContext?.Privileged == true;
        ImmutableArray<string> capabilities = CapabilitySet.Compute(start.Container.SecurityContext, settings.Capabilities);
        return new ContainerBlueprint(
            start.Pod, start.Container, start.Image.Config, user, start.Environment,
            new SandboxView(
                box.Hostname,
                Namespace(!box.HostNetwork, "net"), Namespace(!box.HostIpc, "ipc"), Namespace(!box.HostNetwork, "uts"), targetProcesses ?? Namespace(box.SharePid && !box.HostPid, "pid"),
                box.HostIpc ? "/dev/shm" : shared.Shm, shared.ResolvConf, shared.Hostname, HostsPath(box.PodUid), record.TerminationLog),
            cgroups.CgroupsPath(podGroup, record.Id),
            ContainerLimits.Compute(start.Pod, start.Container, settings.Limits),
            Math.Max(settings.LowestOomScoreAdj, OomScore.Of(start.Pod, start.Container, settings.Limits.MemoryCapacity)),
            [.. root.Mounts.Select(Mount)],
            privileged ? [.. HostDevices.List().Select(d => new RuntimeDevice(d.Path, d.Block ? "b" : "c", d.Major, d.Minor, d.Mode, d.Uid, d.Gid))] : [],
            capabilities,
            _confinements.Of(start.Pod, start.Container, capabilities, labels),
            settings.Machine)
        {
            VolumeDevices = [.. start.Devices.Select(Device)],
            Users = root.Users is { } mapped ? new UsersView($"/proc/{box.PausePid}/ns/user", root.Path, readsMappings ? null : mapped) : null,
        };
    }

    /// <summary>What is bound into the container and not the host's. In a pod of several levels the last one that starts has it.</summary>
    private string[] Labelled(ContainerStart start, SandboxRecord box, ContainerRecord record)
    {
        SandboxFiles shared = SandboxFiles.Of(settings.Paths, box.Id);
        string[] memory = box.HostIpc ? [] : [shared.Shm];
        return [shared.ResolvConf, shared.Hostname, HostsPath(box.PodUid), record.TerminationLog, .. memory, .. start.Mounts.Where(m => m.TakesLabel).Select(m => m.HostPath)];
    }

    /// <summary>A volume can have more files than others should wait for.</summary>
    private static Task LabelAsync(string label, string[] paths, CancellationToken cancel) => Task.Factory.StartNew(
        () => Array.ForEach(paths, path => FileLabels.Set(path, label, cancel)), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static VolumeDevice Device(ResolvedDevice device)
    {
        using DirectoryHandle root = DirectoryHandle.Open("/");
        using FileDescriptor place = root.OpenInside(device.HostPath, OpenFlags.PathOnly, PathBorder.ActAsRoot);
        FileStatus status = DirectoryHandle.StatusOf(place, device.HostPath);
        return status.Kind == FileKind.BlockDevice
            ? new(new(device.ContainerPath, "b", status.NodeMajor, status.NodeMinor, status.Permissions, status.Uid, status.Gid), device.ReadOnly)
            : throw new ContainerConfigException($"volume device {device.ContainerPath}: {device.HostPath} is no block device any more");
    }

    private static RuntimeMount Mount(ResolvedMount mount) => new(
        mount.ContainerPath.StartsWith('/') ? mount.ContainerPath : "/" + mount.ContainerPath, "bind", mount.HostPath,
        ["rbind", mount.Propagation switch { "HostToContainer" => "rslave", "Bidirectional" => "rshared", _ => "rprivate" }, mount.RecursiveReadOnly ? "rro" : mount.ReadOnly ? "ro" : "rw", .. mount.NoExec ? (string[])["noexec"] : []]);

    private static string? BeforeStop(V1Container container) => container.Lifecycle?.PreStop is not { } hook ? null
        : Encoding.UTF8.GetString(KubernetesJson.Write(new V1Container { Name = container.Name, Ports = container.Ports, Lifecycle = new() { PreStop = hook } }));

    private static string ImageName(ContainerStart start) =>
        start.Image.RepoTags is [var tag, ..] ? tag : start.Image.RepoDigests is [var digest, ..] ? digest : start.Container.Image;

    private static string ImageId(ImageRecord image) => image.RepoDigests is [var digest, ..] ? digest : image.Id;

    private string LogPath(SandboxRecord box, ContainerStart start) => Path.Combine(
        ContainerFiles.PodLogs(settings.Paths, box.PodNamespace, box.PodName, box.PodUid), start.Container.Name, $"{start.RestartCount}.log");

    private string HostsPath(string podUid) => Path.Combine(settings.Paths.PodDirectory(podUid), "etc-hosts");

    /// <summary>A new one for each start, as the last words of the one before belong to that one.</summary>
    private string TerminationLog(ContainerStart start) => Path.Combine(
        settings.Paths.PodDirectory(start.Pod.Metadata.Uid), "containers", start.Container.Name, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));

    private static void WriteTerminationLog(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(path)!);
        using FileDescriptor file = directory.OpenFile(Path.GetFileName(path), OpenFlags.Write | OpenFlags.Create | OpenFlags.Exclusive, 0x1B6);
        DirectoryHandle.SetMode(file, 0x1B6 /* 0666: whoever runs in there may write */, path);
    }

    private void WriteHosts(ContainerStart start, SandboxRecord box)
    {
        if (!PodHostname.TryDerive(start.Pod, settings.NodeHostname, settings.ClusterDomain, out PodHostname? names, out string error))
            throw new ContainerConfigException(error);
        string text = box.HostNetwork
            ? HostsFile.ForHostNetwork(File.Exists("/etc/hosts") ? File.ReadAllText("/etc/hosts") : "", start.Pod.Spec.HostAliases)
            : HostsFile.ForPodNetwork(names, box.Ips, start.Pod.Spec.HostAliases);
        string path = HostsPath(box.PodUid);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        AtomicFile.Write(path, Encoding.UTF8.GetBytes(text), mode: 0x1A4, durable: false);
    }

    private string? OomFile(string group) =>
        layout.For("memory") is { } memory ? $"{memory.Directory(group)}/{(layout.Unified ? "memory.events" : "memory.oom_control")}" : null;

    private static string RuntimeWords(ContainerFiles files, RunResult result)
    {
        string said = File.Exists(files.RuntimeLog) ? RuncLog.LastError(File.ReadAllBytes(files.RuntimeLog)) : "";
        return said.Length > 0 ? said : result.RuntimeError.Length > 0 ? result.RuntimeError.Trim() : $"the OCI runtime ended with {result.RuntimeExitCode}";
    }

    private async Task<RuntimeException> FailedAsync(ContainerRecord created, ContainerFiles files, string words, Exception? inner, Action<ContainerRecord> record)
    {
        ContainerRecord failed = created.Ended(StartErrorCode, "StartError", words, time.GetUtcNow());
        files.Write(failed, durable: true);
        record(failed);
        await cgroups.RemoveLeafAsync(created.CgroupPath, CancellationToken.None);
        await ClearAsync(files);
        return new RuntimeException("RunContainerError", words, inner);
    }

    private void Quietly(string container, Action work)
    {
        try
        {
            work();
        }
        catch (IOException e)
        {
            NotCleared(container, e.Message);
        }
    }

    private void LinkLog(ContainerRecord record)
    {
        try
        {
            ContainerFiles.LinkLog(settings.Paths, record);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotLinked(record.Id, e.Message);     // collectors miss it; the container must not
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "what container {ContainerId} left could not be cleared away: {Cause}")]
    private partial void NotCleared(string containerId, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "log of container {ContainerId} could not be linked for log collectors: {Cause}")]
    private partial void LogNotLinked(string containerId, string cause);
}
