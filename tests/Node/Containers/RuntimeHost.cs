using System.Collections.Immutable;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Machines;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Containers;

/// <summary>
/// A node's runtime with directories, control groups and an image of its own: real holders, real runc. Its pods are on the
/// host's network, so that no test needs a bridge; the network has tests of its own.
/// </summary>
public sealed class RuntimeHost : IAsyncDisposable
{
    private const string Busybox = "localhost/nativekubelet/hello:latest";
    private readonly StoreHost _images = new();
    private readonly MachineFacts _machine = MachineReader.Read();
    private readonly CgroupFs _groups;

    private RuntimeHost()
    {
        Assert.SkipUnless(File.Exists("/usr/sbin/runc"), "needs runc");
        _groups = new CgroupFs(_machine.Cgroups, TimeProvider.System);
    }

    public RuntimePaths Paths => _images.Paths;
    public PodCgroups Cgroups { get; private set; } = null!;
    public NodeRuntime Runtime { get; private set; } = null!;
    public ImageRecord Image { get; private set; } = null!;
    public LogCeiling Logs { get; set; } = new(10 << 20, 5);

    /// <summary>Other OCI runtimes by name.</summary>
    public Dictionary<string, string> Handlers { get; } = [];

    private LimitSettings Limits => _machine.Limits(cpuQuota: true, TimeSpan.FromMilliseconds(100), singleProcessOomKill: null, podPids: null, limitedSwap: false);

    public static async Task<RuntimeHost> StartAsync(Action<RuntimeHost>? change = null)
    {
        RuntimeHost host = new();
        change?.Invoke(host);
        try
        {
            host.Cgroups = await NodeDriver.CgroupsAsync($"nk-test-{TestTag.Take()}", host._machine.Cgroups, host.Limits);
            await host.Cgroups.CreateRootAsync(Deadline());
            await host.Cgroups.EnsureNodeAsync(new GroupLimits(), Deadline());
            host.Image = (await host._images.Store.ImportAsync(ProgramFile.DemoImage, Deadline())).Single();
            Assert.Contains(Busybox, host.Image.RepoTags);
            await host.OpenAsync();
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    public static CancellationToken Deadline() => TimeLimit.Token();

    /// <summary>Into the test's own directory, as for /run: pods with users of their own go through.</summary>
    public void LetOthersPass() => File.SetUnixFileMode(Path.GetDirectoryName(Paths.Run)!, (UnixFileMode)0x1C9);

    /// <summary>As a killed agent: nothing is told to anybody.</summary>
    public async Task RestartAgentAsync()
    {
        await Runtime.DisposeAsync();
        await OpenAsync();
    }

    /// <summary>Everything dies and RUN is empty, as after a power cut.</summary>
    public async Task RebootAsync()
    {
        await Runtime.DisposeAsync();
        Assert.True(await TimeLimit.AgainAsync(() => Cgroups.RemoveRootAsync(Deadline())));
        AgentHost.UnmountBelow(Paths.Run);
        DirectoryHandle.DeleteTree(Paths.Run);
        _images.Reopen();
        await Cgroups.EnsureNodeAsync(new GroupLimits(), Deadline());
        await OpenAsync();
    }

    public V1Pod Pod(string script, Action<V1Pod>? change = null)
    {
        V1Pod pod = new()
        {
            Metadata = new() { Name = "web", NamespaceProperty = "default", Uid = Guid.NewGuid().ToString() },
            Spec = new()
            {
                HostNetwork = true,
                RestartPolicy = "Always",
                Containers = [new() { Name = "main", Image = Busybox, Command = ["/bin/sh", "-c", script] }],
            },
        };
        change?.Invoke(pod);
        return pod;
    }

    public async Task<SandboxState> SandboxAsync(V1Pod pod, int attempt = 0)
    {
        await Cgroups.EnsurePodAsync(pod, Deadline());
        return await Runtime.CreateSandboxAsync(new SandboxSpec(pod, attempt, "node", "nameserver 127.0.0.1\n", Cgroups.Of(pod).Path, [])
        {
            Handler = pod.Spec.RuntimeClassName ?? "",
            Granted = PodAllocation.Of(pod.Spec),
        }, Deadline());
    }

    public Task<ContainerState> StartAsync(SandboxState sandbox, V1Pod pod, int restart = 0, params ImmutableArray<ResolvedMount> mounts) =>
        Runtime.StartContainerAsync(
            new ContainerStart(sandbox.Id, pod, pod.Spec.Containers[0], restart, 0, "hash", Image, Environment(pod), mounts, Cgroups.Of(pod).Path, 8L << 30), Deadline());

    private static ImmutableArray<KeyValuePair<string, string>> Environment(V1Pod pod) => ContainerEnvironment.Declared(
        pod, pod.Spec.Containers[0], new(new([], [], ResourceAmounts.None), _ => null, _ => null, (_, path) => throw new FileNotFoundException(path)));

    public async Task<(V1Pod Pod, SandboxState Sandbox, ContainerState Container)> RunAsync(string script, Action<V1Pod>? change = null)
    {
        V1Pod pod = Pod(script, change);
        SandboxState sandbox = await SandboxAsync(pod);
        return (pod, sandbox, await StartAsync(sandbox, pod));
    }

    public ContainerState Find(string containerId) => Runtime.Sandboxes.SelectMany(s => s.Containers).Single(c => c.Id == containerId);

    public async Task<ContainerState> EndedAsync(string containerId)
    {
        while (Find(containerId).Phase != ContainerPhase.Exited) await Runtime.Events.ReadAsync(Deadline());
        return Find(containerId);
    }

    /// <summary>The content of a container's log, without times.</summary>
    public static string[] Log(ContainerState container) =>
        [.. File.ReadAllLines(container.LogPath).Select(line => string.Join(' ', line.Split(' ').Skip(3)))];

    public async Task RemoveAsync(V1Pod pod)
    {
        foreach (SandboxState sandbox in Runtime.Sandboxes.Where(s => s.PodUid == pod.Metadata.Uid))
        {
            foreach (ContainerState container in sandbox.Containers) await Runtime.StopContainerAsync(container.Id, TimeSpan.Zero, Deadline());
            await Runtime.StopSandboxAsync(sandbox.Id, Deadline());
            await Runtime.RemoveSandboxAsync(sandbox.Id, Deadline());
        }
        Assert.True(await TimeLimit.AgainAsync(() => Cgroups.RemovePodAsync(pod.Metadata.Uid, Deadline())));
    }

    public async ValueTask DisposeAsync()
    {
        if (Runtime is not null) await Runtime.DisposeAsync();
        bool gone = await TimeLimit.AgainAsync(() => Cgroups.RemoveRootAsync(CancellationToken.None));
        _images.Dispose();
        Assert.True(gone);
    }

    private async Task OpenAsync() => Runtime = await NodeRuntime.OpenAsync(
        _machine.Settings(Paths, new RuncCommand("/usr/sbin/runc", Paths.RuncState, NodeDriver.Systemd), Logs, Limits, System.Environment.MachineName, "cluster.local") with
        {
            Handlers = Handlers.ToImmutableDictionary(h => h.Key, h => new RuncCommand(h.Value, Path.Combine(Paths.Run, "runtimes", h.Key), NodeDriver.Systemd)),
        },
        Cgroups, _groups, _images.Store, new NoNetwork(), TimeProvider.System, NullLogger<NodeRuntime>.Instance, Deadline());

    /// <summary>These pods are on the host's network, or in a namespace in which there is none.</summary>
    private sealed class NoNetwork : ISandboxNetwork
    {
        public string? NotReady => null;
        public Task<ImmutableArray<string>> AddAsync(NetworkAttachment attachment, CancellationToken cancel) => Task.FromResult<ImmutableArray<string>>([]);
        public Task RemoveAsync(string sandboxId, CancellationToken cancel) => Task.CompletedTask;
        public Task ReadAsync(CancellationToken cancel) => Task.CompletedTask;
        public Task ReconcileAsync(ImmutableHashSet<string> liveSandboxes, CancellationToken cancel) => Task.CompletedTask;
    }
}
