using System.Diagnostics;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>The <c>run</c> verb as its user sees it: output, exit code, and a machine as it was before.</summary>
[Collection(OneAfterTheOther)]
public sealed class RunTests : IDisposable
{
    /// <summary>Runs have no names of their own to tell one from another: who looks for traces of one must be alone.</summary>
    internal const string OneAfterTheOther = "runs";

    private readonly string _directory = Directory.CreateTempSubdirectory("nk-test-").FullName;

    public RunTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it runs pods");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Until_ready_ends_well_and_leaves_the_machine_as_it_was()
    {
        string[] before = Traces();
        string manifest = Manifest("web", "httpd -f -p 8080 -h /www & trap exit TERM; wait", "Always");
        (int code, string output) = await RunAsync("--until=ready", $"--timeout={60 * TimeLimit.Factor}s", $"--preload={ProgramFile.DemoImage}", manifest);
        Assert.True(code == 0, output);
        Assert.Contains("Running, 1/1 ready", output, StringComparison.Ordinal);
        Assert.Equal(before, Traces());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(7, 7)]
    public async Task Until_done_returns_the_containers_exit_code(int exit, int expected)
    {
        (int code, string output) = await RunAsync("--until=done", $"--timeout={60 * TimeLimit.Factor}s", $"--preload={ProgramFile.DemoImage}", Manifest("job", $"exit {exit}", "Never"));
        Assert.True(code == expected, output);
    }

    [Fact]
    public async Task A_pod_whose_program_is_not_there_fails_and_the_run_ends()
    {
        string[] before = Traces();
        string manifest = Manifest("job", "true", "Never");
        await File.WriteAllTextAsync(manifest, (await File.ReadAllTextAsync(manifest, AgentHost.Deadline())).Replace("[sh, -c", "[/no/such/program, -c", StringComparison.Ordinal), AgentHost.Deadline());
        (int code, string output) = await RunAsync("--until=done", $"--timeout={60 * TimeLimit.Factor}s", $"--preload={ProgramFile.DemoImage}", manifest);
        Assert.True(code is not 0, output);
        Assert.Contains("/no/such/program", output, StringComparison.Ordinal);
        Assert.Equal(before, Traces());
    }

    [Fact]
    public async Task An_interrupt_ends_the_pods_and_leaves_the_machine_as_it_was()
    {
        string[] before = Traces();
        using Process run = Start("--preload", ProgramFile.DemoImage, Manifest("web", "trap exit TERM; sleep 1000 & wait", "Always"));
        string seen = "";
        while (!seen.Contains("Running, 1/1", StringComparison.Ordinal))
            seen += await run.StandardOutput.ReadLineAsync(AgentHost.Deadline()) ?? throw new InvalidOperationException($"ended: {seen}{await run.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)}");
        Tool.Run("/bin/kill", "-INT", $"{run.Id}");
        await run.WaitForExitAsync(AgentHost.Deadline());
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(before, Traces());
    }

    [Fact]
    public async Task A_broken_manifest_starts_nothing()
    {
        string[] before = Traces();
        string good = Manifest("web", "sleep 1000", "Always"), bad = Path.Combine(_directory, "bad.yaml");
        await File.WriteAllTextAsync(bad, "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: b, imge: c}]}\n", TestContext.Current.CancellationToken);
        (int code, string output) = await RunAsync(good, bad);
        Assert.Equal(1, code);
        Assert.Contains("bad.yaml", output, StringComparison.Ordinal);
        Assert.Equal(before, Traces());
    }

    [Fact]
    public async Task A_pod_whose_image_cannot_be_had_fails_until_ready_by_its_time_limit()
    {
        (int code, string output) = await RunAsync("--until=ready", $"--timeout={TimeLimit.Of(3).TotalSeconds}s", Manifest("web", "true", "Always"));
        Assert.Equal(1, code);
        Assert.Contains("ErrImageNeverPull", output, StringComparison.Ordinal);
    }

    private string Manifest(string name, string script, string restart)
    {
        string path = Path.Combine(_directory, $"{name}.yaml");
        File.WriteAllText(path, $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{name}}}
            spec:
              restartPolicy: {{restart}}
              containers:
              - {name: main, image: {{AgentHost.Image}}, imagePullPolicy: Never, command: [sh, -c, {{System.Text.Json.JsonSerializer.Serialize(script)}}]}
            """);
        return path;
    }

    /// <summary>What a run could leave behind, wherever it could: these names are used by runs alone.</summary>
    private static string[] Traces() =>
    [
        .. Directory.GetDirectories("/run", "nativekubelet-run-*"),
        .. Directory.GetDirectories("/var/tmp", "nativekubelet-run-*"),
        .. Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").SelectMany(h => Directory.GetDirectories(h, "nk-run-*")),
        .. File.ReadAllLines("/proc/self/mountinfo").Where(l => l.Contains("nativekubelet-run-", StringComparison.Ordinal)),
        .. Directory.GetDirectories("/sys/class/net").Where(l => Path.GetFileName(l).StartsWith("nkr", StringComparison.Ordinal)),
        .. Tool.Run("/usr/sbin/nft", "list", "tables").Split('\n').Where(l => l.Contains("nativekubelet_nkr", StringComparison.Ordinal)),
        .. Directory.GetDirectories("/proc").Where(InRun),
    ];

    private static bool InRun(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cgroup")).Contains("/nk-run-", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;      // no process, or gone
        }
    }

    internal static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        using Process run = Start(arguments);
        Task<string> output = run.StandardOutput.ReadToEndAsync(AgentHost.Deadline(120)), error = run.StandardError.ReadToEndAsync(AgentHost.Deadline(120));
        await run.WaitForExitAsync(AgentHost.Deadline(120));
        return (run.ExitCode, await output + await error);
    }

    private static Process Start(params string[] arguments)
    {
        // A shell's background job ignores SIGINT, and so would all that it starts.
        ProcessStartInfo start = new("/usr/bin/env") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        foreach (string word in (string[])["--default-signal=INT", ProgramFile.Path, "run"]) start.ArgumentList.Add(word);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}
