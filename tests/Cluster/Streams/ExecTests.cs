using System.Diagnostics;
using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Linux.Terminals;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Cli;

namespace NativeKubelet.Tests.Cluster.Streams;

public sealed class ExecTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Kubectl_exec_carries_both_outputs_the_end_of_the_input_and_the_exit_code(bool spdy)
    {
        await using StreamHost host = await StreamHost.StartAsync("sleep 1000", spdy: spdy);

        var split = await host.KubectlAsync([], "exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7");
        Assert.Equal((7, "out\n"), (split.Code, Encoding.UTF8.GetString(split.Out)));
        Assert.StartsWith("err\n", split.Error, StringComparison.Ordinal);
        Assert.Contains("command terminated with exit code 7", split.Error, StringComparison.Ordinal);

        byte[] large = [.. Enumerable.Range(0, 8 << 20).Select(i => (byte)(i * 31 >> 4))];
        var echo = await host.KubectlAsync(large, "exec", "-i", "web", "--", "cat");
        Assert.Equal((0, ""), (echo.Code, echo.Error));
        Assert.True(large.AsSpan().SequenceEqual(echo.Out));

        var early = await host.KubectlAsync(large, "exec", "-i", "web", "--", "head", "-c", "5");
        Assert.Equal((0, 5), (early.Code, early.Out.Length));

        var absent = await host.KubectlAsync([], "exec", "web", "--", "no-such-command");
        Assert.NotEqual(0, absent.Code);
        Assert.Contains("executable file not found", absent.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Kubectl_cp_carries_files_in_and_out()
    {
        await using StreamHost host = await StreamHost.StartAsync("sleep 1000", spdy: true);
        string from = Path.GetTempFileName(), back = Path.GetTempFileName();
        try
        {
            byte[] content = [.. Enumerable.Range(0, 3 << 20).Select(i => (byte)(i * 7 >> 3))];
            File.WriteAllBytes(from, content);

            Assert.Equal(0, (await host.KubectlAsync([], "cp", from, "web:/tmp/copy")).Code);
            Assert.Equal(0, (await host.KubectlAsync([], "cp", "web:/tmp/copy", back)).Code);

            Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(back)));
        }
        finally
        {
            File.Delete(from);
            File.Delete(back);
        }
    }

    [Fact]
    public async Task Kubectl_exec_on_a_terminal_gives_the_command_one_of_the_same_size()
    {
        await using StreamHost host = await StreamHost.StartAsync("sleep 1000");
        using Pty user = new();
        Assert.True(Terminal.TrySetSize(user.Inner, new(33, 77)));
        string terminal = new FileInfo($"/proc/self/fd/{user.Inner.Number}").LinkTarget!;

        // The size comes in a stream of its own, so it may be a moment late.
        using Process exec = host.KubectlOn(terminal, "exec -it web -- sh -c 'echo ready; read line; while [ \"$(stty size)\" != \"33 77\" ]; do :; done; stty size; echo got $line; exit 5'");
        await ExpectAsync(user.Outer, "ready");
        OpenedFile.Write(user.Outer, "word\r"u8, "pty");
        string said = await ExpectAsync(user.Outer, "got word");

        await exec.WaitForExitAsync(AgentHost.Deadline());
        Assert.Equal(5, exec.ExitCode);
        Assert.Contains("33 77", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_dies_takes_its_command_along()
    {
        await using StreamHost host = await StreamHost.StartAsync("sleep 1000");
        using Process exec = host.Kubectl("exec", "-i", "web", "--", "sh", "-c", "echo started; exec sleep 4242");
        Assert.NotNull(await exec.StandardOutput.ReadLineAsync(AgentHost.Deadline()));

        exec.Kill();

        for (CancellationToken deadline = AgentHost.Deadline(); ;)
        {
            deadline.ThrowIfCancellationRequested();
            var left = await host.KubectlAsync([], "exec", "web", "--", "sh", "-c", "ps | grep -c '[s]leep 4242'");
            if (Encoding.UTF8.GetString(left.Out).Trim() == "0") break;
        }
    }

    [Fact]
    public async Task Attach_joins_what_a_container_writes_and_reads()
    {
        await using StreamHost host = await StreamHost.StartAsync("while read line; do echo \"said $line\"; done; echo end", c => (c["stdin"], c["stdinOnce"]) = (true, true), spdy: true);
        using Process attach = host.Kubectl("attach", "-i", "web");

        await attach.StandardInput.WriteLineAsync("hello");
        await attach.StandardInput.FlushAsync(AgentHost.Deadline());
        Assert.Equal("said hello", await attach.StandardOutput.ReadLineAsync(AgentHost.Deadline()));
        attach.StandardInput.Close();

        Assert.Equal("end", await attach.StandardOutput.ReadLineAsync(AgentHost.Deadline()));
        await attach.WaitForExitAsync(AgentHost.Deadline());
        Assert.Equal(0, attach.ExitCode);
    }

    [Fact]
    public async Task What_cannot_be_is_refused_in_the_words_of_the_original()
    {
        await using StreamHost host = await StreamHost.StartAsync("sleep 1000");
        using HttpClient http = host.Client();

        Assert.Equal((400, "you must specify at least 1 of stdin, stdout, stderr"), await PostAsync(http, "/exec/default/web/main?command=ls"));
        Assert.Equal((404, "pod does not exist"), await PostAsync(http, "/exec/default/nobody/main?command=ls&output=1"));
        Assert.Equal((500, "container not found (\"other\")"), await PostAsync(http, "/exec/default/web/other?command=ls&output=1"));
        Assert.Equal((400, "unable to upgrade: missing upgrade headers in request"), await PostAsync(http, "/exec/default/web/main?command=ls&output=1"));
        Assert.Equal((404, "pod not found"), await PostAsync(http, "/portForward/default/web/other-uid"));
        Assert.Equal((200, "out"), await PostAsync(http, "/run/default/web/main?cmd=echo+out"));
        Assert.Equal(500, (await PostAsync(http, "/run/default/web/main?cmd=false")).Code);
    }

    private static async Task<(int Code, string Words)> PostAsync(HttpClient http, string path)
    {
        using HttpResponseMessage answer = await http.PostAsync(new Uri(path, UriKind.Relative), null, AgentHost.Deadline());
        return ((int)answer.StatusCode, (await answer.Content.ReadAsStringAsync(AgentHost.Deadline())).Trim());
    }

    internal static async Task<string> ExpectAsync(FileDescriptor terminal, string text)
    {
        Pipe.SetNonBlocking(terminal);
        StringBuilder seen = new();
        byte[] buffer = new byte[1024];
        while (!seen.ToString().Contains(text, StringComparison.Ordinal))
        {
            int count = Pipe.Read(terminal, buffer);
            if (count < 0) await Readiness.Shared.ReadableAsync(terminal, AgentHost.Deadline());
            else seen.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        return seen.ToString();
    }
}
