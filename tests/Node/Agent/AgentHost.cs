using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Api.Local;
using NativeKubelet.Cli;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Network;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>The program itself as a daemon, with directories, control groups, a bridge and a port of its own. What it made goes with it.</summary>
public sealed class AgentHost : IAsyncDisposable
{
    public const string Image = "localhost/nativekubelet/hello:latest";
    private readonly string _tag = TestTag.Take();
    private readonly ICgroupDriver _driver;
    private readonly StringBuilder _said = new();
    private Process? _agent;

    public AgentHost(bool withImage = true)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it makes namespaces, control groups and mounts");
        Root = $"/var/tmp/nk-test-{_tag}";
        Directory.CreateDirectory(Manifests);
        Directory.CreateDirectory(this["data/preload"]);
        if (withImage) File.Copy(ProgramFile.DemoImage, this["data/preload/hello.tar"]);
        HealthzPort = LoopbackPort.Free();
        _driver = NodeDriver.OpenAsync(new CgroupFs(CgroupLayout.Detect(), TimeProvider.System)).GetAwaiter().GetResult();
        CreateTree();
        File.WriteAllText(this["config.yaml"], $"""
            apiVersion: kubelet.config.k8s.io/v1beta1
            kind: KubeletConfiguration
            staticPodPath: {Manifests}
            podLogsDir: {this["logs/pods"]}
            cgroupDriver: {NodeDriver.Name}
            cgroupRoot: /{Groups.Root.Components[0]}
            healthzPort: {HealthzPort}
            failSwapOn: false
            """);
    }

    public string Root { get; }
    public string Manifests => this["manifests"];
    public string RunDirectory => this["run"];
    public int HealthzPort { get; }
    public AgentClient Client => new(RunDirectory);
    public string this[string name] => Path.Combine(Root, name);

    public int Pid => _agent!.Id;

    /// <summary>What the agent finds in its environment beside this process's.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    public string Bridge => $"nkt{_tag}";

    /// <summary>All that the agents of this host wrote to stderr.</summary>
    public string Said { get { lock (_said) return _said.ToString(); } }

    private CgroupTree Groups => NodeDriver.Tree($"nk-test-{_tag}");

    /// <summary>The flags that keep this host's agents apart from all others on the machine.</summary>
    public string[] Own =>
    [
        $"--root-dir={this["kubelet"]}", $"--data-dir={this["data"]}", $"--run-dir={RunDirectory}",
        $"--container-logs-dir={this["logs/containers"]}", $"--bridge-name={Bridge}", $"--cni-conf-dir={this["cni"]}",
    ];

    public string CgroupRoot => $"/{Groups.Root.Components[0]}";

    /// <summary>Its control group, below each hierarchy's root.</summary>
    public string Tree => Groups.Path(Groups.Root);

    public static CancellationToken Deadline(int seconds = 60) => TimeLimit.Token(seconds);

    /// <summary>Returns when the agent has read its sources.</summary>
    public async Task StartAsync(params string[] more)
    {
        Launch(more);
        await ServingAsync();
    }

    /// <summary>Returns when the agent answers, whether or not all its sources have.</summary>
    public async Task LaunchedAsync(params string[] more)
    {
        Launch(more);
        await AnsweringAsync(static _ => true);
    }

    public void Launch(params string[] more) => LaunchAs([$"--config={this["config.yaml"]}", .. Own, .. more]);

    /// <summary>With this command line and nothing else.</summary>
    public void LaunchAs(IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(ProgramFile.Path, arguments)
        {
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        foreach ((string name, string value) in Variables) start.Environment[name] = value;
        _agent = Process.Start(start)!;
        _agent.ErrorDataReceived += (_, line) =>
        {
            lock (_said) _said.AppendLine(line.Data);
        };
        _agent.BeginErrorReadLine();
    }

    public Task ServingAsync() => AnsweringAsync(static node => node.Ready);

    private async Task AnsweringAsync(Func<NodeDocument, bool> wanted)
    {
        CancellationToken deadline = Deadline();
        while (true)
        {
            try
            {
                if (wanted(await Client.GetAsync("/v1/node", LocalJson.Default.NodeDocument, deadline))) return;
            }
            catch (VerbException)
            {
                Assert.False(_agent!.HasExited, $"the agent ended: {Said}");
            }
            // Its socket appears in a directory that does not exist yet: there is nothing to wait on but itself.
            await Task.Delay(10, deadline);
        }
    }

    /// <summary>Waits for words in the agent's log.</summary>
    public async Task SaidAsync(string words)
    {
        for (CancellationToken deadline = Deadline(); !Said.Contains(words, StringComparison.Ordinal);)
        {
            Assert.False(deadline.IsCancellationRequested || _agent!.HasExited, $"never said {words}: {Said}");
            await Task.Delay(10, CancellationToken.None);      // lines come by an event that cannot be waited for
        }
    }

    public async Task<int> ExitedAsync()
    {
        await _agent!.WaitForExitAsync(Deadline());
        return _agent.ExitCode;
    }

    /// <summary>SIGKILL: the agent has no last word.</summary>
    public async Task KillAsync()
    {
        _agent!.Kill();
        await _agent.WaitForExitAsync(Deadline());
        _agent.Dispose();
        _agent = null;
    }

    /// <summary>SIGTERM, as a service manager stops it.</summary>
    public async Task<(int Code, TimeSpan Took)> TerminateAsync()
    {
        long begun = Stopwatch.GetTimestamp();
        Tool.Run("/bin/kill", "-TERM", $"{_agent!.Id}");
        await _agent.WaitForExitAsync(Deadline());
        (int, TimeSpan) end = (_agent.ExitCode, Stopwatch.GetElapsedTime(begun));
        _agent.Dispose();
        _agent = null;
        return end;
    }

    /// <summary>As if another kubelet had made a pod under this node's root.</summary>
    public void PutIntoForeignPod(int pid) => Put(pid, Groups.Path(Groups.Pod(Guid.NewGuid().ToString(), QosClass.BestEffort)));

    /// <summary>Into a control group below this host's, with which it ends.</summary>
    public static void Put(int pid, string group)
    {
        CgroupFs machine = new(CgroupLayout.Detect(), TimeProvider.System);
        machine.Create(group);
        machine.Attach(group, pid);
    }

    /// <summary>Everything dies and what lies on tmpfs is gone, as after a power cut.</summary>
    public async Task RebootAsync()
    {
        if (_agent is not null) await KillAsync();
        Assert.True(await TimeLimit.AgainAsync(() => _driver.DestroyAsync(Tree, Deadline())));
        UnmountBelow(Root);
        DirectoryHandle.DeleteTree(RunDirectory);
        CreateTree();
    }

    /// <summary>As an editor or a configuration tool puts it there: whole or not at all.</summary>
    public void Write(string name, string manifest)
    {
        File.WriteAllText(this[name], manifest);
        File.Move(this[name], Path.Combine(Manifests, name), overwrite: true);
    }

    public void Remove(string name) => File.Delete(Path.Combine(Manifests, name));

    /// <summary>A pod on the host's network with one container that runs a script.</summary>
    public static string Pod(string name, string script, string restart = "Always") => $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{name}}}
        spec:
          hostNetwork: true
          restartPolicy: {{restart}}
          terminationGracePeriodSeconds: 2
          containers:
          - {name: main, image: {{Image}}, imagePullPolicy: Never, command: [sh, -c, {{System.Text.Json.JsonSerializer.Serialize(script)}}]}
        """;

    /// <summary>Waits until the node's pods are as asked; tells what they were when they never are.</summary>
    public async Task<IReadOnlyList<PodDocument>> PodsAsync(Func<IReadOnlyList<PodDocument>, bool> wanted, int seconds = 60)
    {
        IReadOnlyList<PodDocument> last = [];
        try
        {
            await foreach (PodListDocument list in Client.LinesAsync("GET", "/v1/pods?watch", LocalJson.Default.PodListDocument, Deadline(seconds)))
                if (wanted(last = list.Pods)) return last;
        }
        catch (OperationCanceledException)
        {
        }
        throw new InvalidOperationException($"pods never were as asked: {string.Join("; ", last.Select(p => $"{p.Name} {p.Status} {p.Ready}"))}\n{Said}");
    }

    public async Task<PodDocument> RunningAsync(string name) =>
        (await PodsAsync(pods => pods.Any(p => Is(p, name) && p.Status == "Running" && p.Ready == p.Containers.Count))).Single(p => Is(p, name));

    /// <summary>Static pods carry their node's name.</summary>
    public static bool Is(PodDocument pod, string name) => pod.Name.StartsWith(name + "-", StringComparison.Ordinal);

    /// <summary>Processes anywhere in this host's control groups.</summary>
    public int[] Processes() =>
    [
        .. from directory in Directory.GetDirectories("/proc")
           let pid = int.TryParse(Path.GetFileName(directory), out int number) ? number : 0
           where pid > 0 && In(pid)
           select pid,
    ];

    /// <summary>This host's control groups in every hierarchy, by path.</summary>
    public string[] GroupDirectories() =>
    [
        .. Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(hierarchy => hierarchy + Tree).Where(Directory.Exists)
            .SelectMany(top => Directory.GetDirectories(top, "*", SearchOption.AllDirectories).Append(top)).Order(StringComparer.Ordinal),
    ];

    public async ValueTask DisposeAsync()
    {
        if (_agent is not null) await KillAsync();
        Assert.True(await TimeLimit.AgainAsync(() => _driver.DestroyAsync(Tree, Deadline())));
        using (SandboxNetwork network = new(
            new NetworkSettings(Bridge, null, this["cni"], [], this["cni-cache"], this["data"]), TimeProvider.System, NullLogger.Instance))
            await network.RemoveEverythingAsync(Deadline());
        UnmountBelow(Root);
        DirectoryHandle.DeleteTree(Root);
    }

    private bool In(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cgroup").Contains(Tree + "/", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;      // it has ended
        }
    }

    private void CreateTree() => _driver.CreateAsync(Tree, new(), Deadline()).GetAwaiter().GetResult();

    internal static void UnmountBelow(string directory)
    {
        foreach (MountInfo mount in MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")).Reverse())
            if (mount.MountPoint.StartsWith(directory + "/", StringComparison.Ordinal)) MountPoint.Detach(mount.MountPoint);
    }
}
