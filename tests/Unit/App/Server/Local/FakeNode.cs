using System.Collections.Immutable;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Events;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Server.Local;
using NativeKubelet.Status;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Server.Local;

/// <summary>A node without containers behind the real sockets: pods are what a test publishes, execs are functions.</summary>
internal sealed class FakeNode : IContainerRuntime, IImageStore, IAsyncDisposable
{
    public static readonly DateTimeOffset T0 = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly TemporaryDirectory _directory = new();
    private LocalApi? _api;

    public string Run => _directory.Path;

    public string Logs => _directory["logs"];

    public StatusBoard Board { get; } = new();

    public EventLog EventLog { get; } = new(TimeProvider.System);

    public ImmutableArray<ManifestProblem> Problems { get; set; } = [];

    public string Config { get; set; } = "{\"kind\":\"KubeletConfiguration\"}";

    public UsageSnapshot Usage { get; set; } = UsageSnapshot.Empty;

    public ImmutableArray<SandboxState> Sandboxes { get; set; } = [];

    public ImmutableArray<ImageRecord> Images { get; set; } = [];

    public Func<ExecStart, ExecSession> OnExec { get; set; } = _ => throw new RuntimeException("ExecFailed", "no such container");

    public Func<int, Task<Socket>> OnDial { get; set; } = _ => throw new RuntimeException("PortForwardFailed", "no such sandbox");

    public Func<string, IProgress<PullProgress>?, Task<ImageRecord>> OnPull { get; set; } = (_, _) => throw new ImageException("ErrImagePull", "no registry");

    public Func<string, IProgress<PullProgress>?, Task<ImmutableArray<ImageRecord>>> OnImport { get; set; } =
        (path, _) => Task.FromResult<ImmutableArray<ImageRecord>>([Image(Path.GetFileNameWithoutExtension(path))]);

    public LocalSources Sources => new(
        Board, EventLog, this, this, v => v.Pod, () => Usage, () => Problems, () => Config,
        () => new("n1", "v1.36.2", 1, T0, "v2", "cgroupfs", "runc 1.1.5", true, "", new("/r", "/d", "/x", "/l", "/m")));

    public FakeNode Start()
    {
        _api = new LocalApi(Sources, Run, TimeProvider.System, NullLoggerFactory.Instance, OwnUid());
        return this;
    }

    public static uint OwnUid()
    {
        using TemporaryDirectory mine = new();
        using DirectoryHandle handle = DirectoryHandle.Open(mine.Path);
        return handle.Status().Uid;
    }

    public PodView Publish(string name, string space = "default", ContainerStateOf? state = null, params string[] containers)
    {
        state ??= new Running(T0);
        if (containers.Length == 0) containers = ["web"];
        V1Pod pod = new()
        {
            ApiVersion = "v1",
            Kind = "Pod",
            Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = space, Uid = $"uid-{space}-{name}" },
            Spec = new V1PodSpec { Containers = [.. containers.Select(c => new V1Container { Name = c, Image = "busybox:1" })] },
        };
        bool ready = state is Running;
        PodStatus status = new(
            PodPhase.Running, "", "", [new("Ready", ready, "", "", T0)],
            containers.Select(c => new ContainerStatus(c, "busybox:1", "busybox@sha256:1", $"id-{c}", 2, ready, ready, state, null)).ToValueList(),
            T0, ["192.0.2.1"], ["10.88.0.2"], "BestEffort", 1);
        PodView view = new(pod, status);
        Board.Publish(view);
        return view;
    }

    /// <summary>Lets the runtime know an instance of the pod's first container, with a log of these lines.</summary>
    public string Instance(PodView view, int number, ContainerPhase phase, params string[] lines)
    {
        string path = Path.Combine(Logs, $"{view.Namespace}_{view.Name}_{view.Uid}", "web", $"{number}.log");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllLines(path, lines.Select(l => $"2026-01-01T00:00:00.000000000Z stdout F {l}"));
        ContainerState state = new(
            $"id-web-{number}", "s0", "web", number, 0, "h", "busybox:1", "busybox@sha256:1", phase, 1, T0, T0, null, 0, "", "", path);
        SandboxState sandbox = Sandboxes.FirstOrDefault(s => s.PodUid == view.Uid)
            ?? new("s0", view.Uid, view.Name, view.Namespace, 0, true, false, [], T0, []);
        Sandboxes = [.. Sandboxes.Where(s => s.PodUid != view.Uid), sandbox with { Containers = [.. sandbox.Containers, state] }];
        return path;
    }

    public static ImageRecord Image(string tag) => new("sha256:" + new string('a', 64), [tag], [], [], 4_300_000, false, ImageConfig.Empty);

    public Task<ExecSession> ExecAsync(ExecStart start, CancellationToken cancel) => Task.FromResult(OnExec(start));

    /// <summary>Says hello on the output and ends when the input does.</summary>
    public Task<AttachSession> AttachAsync(AttachStart start, CancellationToken cancel)
    {
        FileDescriptor output = Copy(start.Out!, FileAccess.Write);
        OpenedFile.Write(output, "hello"u8, "out");
        output.Dispose();
        FileDescriptor input = Copy(start.In!, FileAccess.Read);
        Task ended = Task.Run(() =>
        {
            while (OpenedFile.Read(input, new byte[64], "in") > 0) { }
            input.Dispose();
        }, cancel);
        return Task.FromResult(new AttachSession(ended, (_, _, _) => Task.CompletedTask, () => Task.CompletedTask));
    }

    /// <summary>Another descriptor of the same pipe, as a process that was started with it would have.</summary>
    public static FileDescriptor Copy(SafeHandle fd, FileAccess access)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle opened = File.OpenHandle($"/proc/self/fd/{fd.DangerousGetHandle()}", FileMode.Open, access, FileShare.ReadWrite);
        FileDescriptor copy = new((int)opened.DangerousGetHandle());
        opened.SetHandleAsInvalid();
        return copy;
    }

    public async Task<ImageRecord> PullAsync(
        string reference, ImmutableArray<RegistryCredential> credentials, IProgress<PullProgress>? progress, CancellationToken cancel) =>
        await OnPull(reference, progress);

    public Task<bool> RemoveAsync(string reference, CancellationToken cancel)
    {
        int before = Images.Length;
        Images = [.. Images.Where(i => !i.RepoTags.Contains(reference))];
        return Task.FromResult(Images.Length < before);
    }

    public async Task<ImmutableArray<ImageRecord>> ImportAsync(
        string archivePath, bool pinned, IProgress<PullProgress>? progress, CancellationToken cancel) => await OnImport(archivePath, progress);

    public ImageRecord? Find(string reference) => Images.FirstOrDefault(i => i.Id == reference || i.RepoTags.Contains(reference));

    public async ValueTask DisposeAsync()
    {
        if (_api is not null) await _api.DisposeAsync();
        _directory.Dispose();
    }

    public ChannelReader<RuntimeEvent> Events { get; } = Channel.CreateUnbounded<RuntimeEvent>().Reader;

    Task<Socket> IContainerRuntime.DialAsync(string sandboxId, int port, CancellationToken cancel) => OnDial(port);
    Task<SandboxState> IContainerRuntime.CreateSandboxAsync(SandboxSpec spec, CancellationToken cancel) => throw new NotSupportedException();
    bool IContainerRuntime.IsWhole(string sandboxId) => true;

    Task IContainerRuntime.StopSandboxAsync(string sandboxId, CancellationToken cancel) => throw new NotSupportedException();
    Task IContainerRuntime.RemoveSandboxAsync(string sandboxId, CancellationToken cancel) => throw new NotSupportedException();
    Task<ContainerState> IContainerRuntime.StartContainerAsync(ContainerStart start, CancellationToken cancel) => throw new NotSupportedException();
    Task IContainerRuntime.StopContainerAsync(string containerId, TimeSpan grace, CancellationToken cancel) => throw new NotSupportedException();
    Task IContainerRuntime.EndOfAsync(string containerId) => new TaskCompletionSource().Task;
    Task IContainerRuntime.RemoveContainerAsync(string containerId, CancellationToken cancel) => throw new NotSupportedException();
    void IContainerRuntime.Supersede(IReadOnlyCollection<string> containerIds) => throw new NotSupportedException();
    Task IContainerRuntime.ResizeAsync(PodResize resize, CancellationToken cancel) => throw new NotSupportedException();
    Task IImageStore.MountReadOnlyAsync(ImageRecord image, string leaseDirectory, string target, FileDescriptor? users, string? label, CancellationToken cancel) => throw new NotSupportedException();

    Task IImageStore.MountRootFileSystemAsync(ImageRecord image, string writableDirectory, string target, MappedUsers? users, string? label, CancellationToken cancel) => throw new NotSupportedException();
    Task IImageStore.UnmountRootFileSystemAsync(string writableDirectory, string target, CancellationToken cancel) => throw new NotSupportedException();
}
