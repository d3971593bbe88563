using System.Collections.Immutable;
using System.Text.Json.Nodes;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Tests.Node.Holder;

/// <summary>One holder in a directory of its own, with busybox bundles for real runc. Everything goes with it.</summary>
public sealed class HolderHost : IAsyncDisposable
{
    private const string Busybox = "/bin/busybox";
    private static readonly TimeSpan Patience = TimeLimit.Of(30);
    private readonly string _name = $"nk-test-{Guid.NewGuid():N}"[..18];
    private readonly HolderLauncher _launcher;
    private readonly List<string> _containers = [];
    private readonly CgroupFs _groups = new(CgroupLayout.Detect(), TimeProvider.System);

    private HolderHost()
    {
        Directory = $"/tmp/{_name}";
        System.IO.Directory.CreateDirectory(Logs);
        System.IO.Directory.CreateDirectory(Path.Combine(Directory, "exits"));
        _launcher = new HolderLauncher(Directory);
    }

    public string Directory { get; }
    public string Logs => Path.Combine(Directory, "logs");
    public string Socket => Path.Combine(Directory, "holder.sock");
    public string CgroupRoot => $"/{_name}";
    public HolderConnection Holder { get; private set; } = null!;

    public static async Task<HolderHost> StartAsync()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Assert.SkipUnless(File.Exists(Busybox) && File.Exists("/usr/sbin/runc"), "needs busybox-static and runc");
        HolderHost host = new();
        try
        {
            host.Holder = await host._launcher.LaunchAsync(new HolderLaunch(host.Socket, []), Deadline());
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Another holder of the same agent, for what they share; the caller ends it.</summary>
    public Task<HolderConnection> SiblingAsync(int number, params string[] cgroups) =>
        _launcher.LaunchAsync(new HolderLaunch($"{Socket}.{number}", [.. cgroups]), Deadline());

    public static CancellationToken Deadline() => new CancellationTokenSource(Patience).Token;

    public Task<int> PauseAsync(PauseNamespaces namespaces, params KeyValuePair<string, string>[] sysctls) => Holder.StartPauseAsync(
        new PauseRequest(namespaces, namespaces.HasFlag(PauseNamespaces.Uts) ? "nk-test-host" : null, [.. sysctls], null, null, []), Deadline());

    public string LogOf(string id) => Path.Combine(Logs, id, "0.log");

    public string ExitFile(string id) => Path.Combine(Directory, "exits", id);

    public async Task<RunResult> RunAsync(string id, string script, bool tty = false, bool stdin = false, long maxSize = 0, int maxFiles = 5,
        int joinPidOf = 0, Action<JsonObject>? change = null) =>
        await Holder.RunContainerAsync(await RequestAsync(id, ["/bin/sh", "-c", script], tty, stdin, maxSize, maxFiles, joinPidOf, change), Deadline());

    public async Task<RunRequest> RequestAsync(string id, string[] command, bool tty = false, bool stdin = false, long maxSize = 0, int maxFiles = 5,
        int joinPidOf = 0, Action<JsonObject>? change = null)
    {
        string bundle = await BundleAsync(id, command, tty, joinPidOf, change);
        System.IO.Directory.CreateDirectory(Path.Combine(Logs, id));
        _containers.Add(id);
        string pidFile = Path.Combine(bundle, "pid"), console = Path.Combine(bundle, "c");
        ImmutableArray<string> arguments =
        [
            .. Runc("--log", Path.Combine(bundle, "runc.log"), "--log-format", "json", "run", "--detach", "--bundle", bundle, "--pid-file", pidFile),
            .. tty ? (string[])["--console-socket", console] : [], id,
        ];
        return new RunRequest(id, arguments, ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], pidFile, ExitFile(id),
            OomFile($"{CgroupRoot}/{id}"), LogOf(id), maxSize, maxFiles, stdin, tty ? console : null);
    }

    public ExecRequest Exec(string id, string exec, string script, bool tty = false)
    {
        string pidFile = Path.Combine(Directory, exec + ".pid"), console = Path.Combine(Directory, exec + ".c");
        string[] terminal = tty ? ["--tty", "--console-socket", console] : [];
        return new ExecRequest(id, exec,
            [.. Runc("exec", "--detach", "--pid-file", pidFile), .. terminal, id, "/bin/sh", "-c", script], [], pidFile, tty ? console : null);
    }

    /// <summary>The next event of this kind; others are passed over.</summary>
    public async Task<T> NextAsync<T>(HolderConnection? from = null) where T : HolderEvent
    {
        while (true)
            if (await (from ?? Holder).Events.ReadAsync(Deadline()) is T wanted) return wanted;
    }

    public async Task<(RunResult Run, ContainerExited Exit)> RunToEndAsync(string id, string script, long maxSize = 0, int maxFiles = 5)
    {
        RunResult run = await RunAsync(id, script, maxSize: maxSize, maxFiles: maxFiles);
        Assert.True(run.Started, run.RuntimeError);
        return (run, await NextAsync<ContainerExited>());
    }

    /// <summary>Drops the connection as a killed agent would, and connects anew.</summary>
    public async Task ReconnectAsync()
    {
        await Holder.DisposeAsync();
        Holder = await HolderConnection.ConnectAsync(Socket, Deadline()) ?? throw new InvalidOperationException("the holder is gone");
    }

    public static async Task EventuallyAsync(Func<bool> condition, string what)
    {
        for (CancellationToken deadline = Deadline(); !condition(); await Task.Delay(5))
            if (deadline.IsCancellationRequested) Assert.Fail($"never happened: {what}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string id in _containers)
            await ToolRun.RunAsync(new SpawnRequest("/usr/sbin/runc", [.. Runc("delete", "--force", id)]), default, 4096, Patience, default);
        if (Holder is not null)
        {
            if (!Holder.Process.IsClosed && Holder.Process.TrySignal(9)) await Holder.Process.WaitForExitAsync(Deadline());
            await Holder.DisposeAsync();
        }
        _launcher.Dispose();
        await _groups.DestroyAsync(CgroupRoot, Deadline());
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private string[] Runc(params string[] arguments) => ["/usr/sbin/runc", "--root", Path.Combine(Directory, "runc"), .. arguments];

    private string OomFile(string group) =>
        $"{_groups.Layout.For("memory")!.Directory(group)}/{(_groups.Layout.Unified ? "memory.events" : "memory.oom_control")}";

    private async Task<string> BundleAsync(string id, string[] command, bool tty, int joinPidOf, Action<JsonObject>? change)
    {
        string bundle = Path.Combine(Directory, "b", id), bin = Path.Combine(bundle, "rootfs", "bin");
        foreach (string sub in (string[])["bin", "proc", "dev", "tmp"]) System.IO.Directory.CreateDirectory(Path.Combine(bundle, "rootfs", sub));
        File.Copy(Busybox, Path.Combine(bin, "busybox"));
        foreach (string tool in (string[])["sh", "cat", "head", "yes", "sleep", "seq", "ls", "readlink", "dd", "stty", "tr", "kill", "printf", "true", "wc"])
            File.CreateSymbolicLink(Path.Combine(bin, tool), "busybox");
        await ToolRun.RunAsync(new SpawnRequest("/bin/sh", ["sh", "-c", $"cd {bundle} && exec /usr/sbin/runc spec"]), default, 4096, Patience, default);
        string file = Path.Combine(bundle, "config.json");
        JsonObject spec = JsonNode.Parse(await File.ReadAllTextAsync(file))!.AsObject();
        spec["process"]!["terminal"] = tty;
        spec["process"]!["args"] = new JsonArray([.. command.Select(c => (JsonNode)c)]);
        spec["linux"]!["cgroupsPath"] = $"{CgroupRoot}/{id}";
        spec["root"]!["readonly"] = false;
        if (joinPidOf != 0)
            spec["linux"]!["namespaces"]!.AsArray().Single(n => (string)n!["type"]! == "pid")!["path"] = $"/proc/{joinPidOf}/ns/pid";
        change?.Invoke(spec);
        await File.WriteAllTextAsync(file, spec.ToJsonString());
        return bundle;
    }
}
