using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using NativeKubelet.Cli;
using NativeKubelet.Cli.Verbs;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Tests.Node.Cli;

/// <summary>The doctor on this machine, with directories, ports and configuration of its own.</summary>
public sealed class DoctorVerbTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("nk-doctor-").FullName;

    public void Dispose() => DirectoryHandle.DeleteTree(_home);

    [Fact]
    public async Task What_is_there_is_found_and_what_is_not_is_named()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        Write("config.yaml", $"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nhealthzPort: {port}\nstaticPodPth: /nowhere\n");
        Write("cni/10-pods.conflist", """{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"nk-no-such-plugin"}]}""");
        Write("cni/05-broken.conf", "{");

        JsonElement[] findings = await ExamineAsync(1);

        Assert.Contains(findings, f => Is(f, "fail", $"port {port}", "Address already in use"));
        Assert.Contains(findings, f => Is(f, "warn", "configuration", "staticPodPth"));
        Assert.Contains(findings, f => Is(f, "fail", "CNI", "nk-no-such-plugin"));
        Assert.Contains(findings, f => Is(f, "fail", "CNI", "05-broken.conf"));
        Assert.Contains(findings, f => Is(f, "ok", "data", _home));
        Assert.Contains(findings, f => f.GetProperty("subject").GetString() == "cgroups");
    }

    [Fact]
    public async Task Looking_makes_nothing()
    {
        Write("config.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nhealthzPort: 0\n");

        await ExamineAsync(null);

        Assert.Equal(["config.yaml"], Directory.EnumerateFileSystemEntries(_home).Select(p => Path.GetFileName(p)));
    }

    private static bool Is(JsonElement finding, string level, string subject, string what) =>
        finding.GetProperty("level").GetString() == level && finding.GetProperty("subject").GetString() == subject
        && finding.GetProperty("what").GetString()!.Contains(what, StringComparison.Ordinal);

    private async Task<JsonElement[]> ExamineAsync(int? code)
    {
        using MemoryStream output = new();
        using StringWriter error = new();
        CliConsole console = new(output, error, TimeProvider.System);
        string[] words =
        [
            "-o", "json", "--config", _home + "/config.yaml", "--run-dir", _home + "/run", "--",
            $"--data-dir={_home}/data", $"--root-dir={_home}/root", $"--container-logs-dir={_home}/logs", $"--cni-conf-dir={_home}/cni",
        ];
        int ended = await VerbTable.RunAsync(new DoctorVerb(console).Spec, words, console, TestContext.Current.CancellationToken);
        Assert.Equal("", error.ToString());
        if (code is not null) Assert.Equal(code, ended);
        using JsonDocument document = JsonDocument.Parse(Encoding.UTF8.GetString(output.ToArray()));
        Assert.Equal(ended == 0, document.RootElement.GetProperty("ok").GetBoolean());
        return [.. document.RootElement.GetProperty("findings").EnumerateArray().Select(f => f.Clone())];
    }

    private void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_home, name))!);
        File.WriteAllText(Path.Combine(_home, name), content);
    }
}
