using System.Text.RegularExpressions;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>The unit, drop-in, environment file and configuration of an existing kubeadm node start this program unchanged; only the binary is another.</summary>
public sealed partial class ExistingNodeTests
{
    [Fact]
    public async Task Its_files_start_the_agent_as_systemd_would()
    {
        await using AgentHost node = new();
        node.Write("web.yaml", AgentHost.Pod("web", "trap exit TERM; sleep 1000 & wait"));
        // What an administrator may add: this node must not take the machine's own directories, and has no cluster.
        string[] extra =
        [
            $"--config={Sample("config.yaml")}", $"--pod-manifest-path={node.Manifests}", "--kubeconfig=", "--bootstrap-kubeconfig=",
            $"--cgroup-root={node.CgroupRoot}", $"--healthz-port={node.HealthzPort}", "--fail-swap-on=false", .. node.Own,
        ];
        await File.WriteAllTextAsync(node["sysconfig"], $"KUBELET_EXTRA_ARGS=\"{string.Join(' ', extra)}\"\n", AgentHost.Deadline());

        string[] command = Command(
            [Sample("kubelet.service"), .. Directory.GetFiles(Sample("kubelet.service.d")).Order(StringComparer.Ordinal)],
            path => path switch { "/var/lib/kubelet/kubeadm-flags.env" => Sample("kubeadm-flags.env"), "/etc/sysconfig/kubelet" => node["sysconfig"], _ => path });
        Assert.Equal("/usr/bin/kubelet", command[0]);
        node.LaunchAs(command[1..]);
        await node.ServingAsync();
        await node.RunningAsync("web");

        string said = node.Said;
        foreach (string flag in new[] { "--pod-manifest-path", "--network-plugin", "--pod-infra-container-image" })
            Assert.Contains($"Flag {flag} has been deprecated, ", said, StringComparison.Ordinal);
        foreach (string line in new[]
        {
            "\"Kubelet version\" kubeletVersion=\"v1.36", "\"Standalone mode, no API client\"", "HardEvictionThresholds:[imagefs.available<15% ", "PodPidsLimit:-1 CPUCFSQuota:true CPUCFSQuotaPeriod:100ms",
            $"\"Adding static pod path\" path=\"{node.Manifests}\"", "\"Started kubelet\"", $"\"Starting to listen\" address=\"127.0.0.1\" port={node.HealthzPort}",
        })
            Assert.Contains(line, said, StringComparison.Ordinal);
        if (!Directory.Exists("/run/systemd/system")) Assert.Contains("systemd does not run on this machine", said, StringComparison.Ordinal);
        using HttpClient http = new();
        Assert.Equal("ok", await http.GetStringAsync($"http://127.0.0.1:{node.HealthzPort}/healthz", AgentHost.Deadline()));
    }

    /// <summary>ExecStart= after all files, with Environment= and EnvironmentFile= put in (systemd.exec(5), systemd.service(5)).</summary>
    private static string[] Command(string[] unitFiles, Func<string, string> fileOf)
    {
        Dictionary<string, string> variables = [];
        string start = "";
        foreach (string line in unitFiles.SelectMany(File.ReadAllLines))
        {
            if (Setting("Environment", line) is { } assignments)
                foreach (Match quoted in Quoted().Matches(assignments)) Assign(variables, quoted.Groups[1].Value);
            else if (Setting("EnvironmentFile", line)?.TrimStart('-') is { } path && File.Exists(fileOf(path)))
                foreach (string assignment in File.ReadAllLines(fileOf(path)).Where(l => l.Length > 0 && l[0] != '#')) Assign(variables, assignment);
            else if (Setting("ExecStart", line) is { } command) start = command;
        }
        // A variable that is a word of its own becomes as many words as it holds.
        return [.. start.Split(' ').SelectMany(word => word.StartsWith('$') ? variables.GetValueOrDefault(word[1..], "").Split(' ', StringSplitOptions.RemoveEmptyEntries) : [word])];
    }

    private static string? Setting(string name, string line) => line.StartsWith(name + "=", StringComparison.Ordinal) ? line[(name.Length + 1)..] : null;

    private static void Assign(Dictionary<string, string> variables, string assignment)
    {
        string[] parts = assignment.Split('=', 2);
        variables[parts[0]] = parts[1].Trim('"');
    }

    private static string Sample(string name) => Path.Combine(AppContext.BaseDirectory, "samples", name);

    [GeneratedRegex("\"([^\"]*)\"")]
    private static partial Regex Quoted();
}
