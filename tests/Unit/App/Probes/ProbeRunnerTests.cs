using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Core.Probes;
using NativeKubelet.Events;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Pods;
using NativeKubelet.Probes;
using NativeKubelet.Runtime;
using NativeKubelet.Tests.Node;
using NativeKubelet.Tests.Unit.App.Server.Local;

namespace NativeKubelet.Tests.Unit.App.Probes;

public sealed class ProbeRunnerTests : IAsyncDisposable
{
    /// <summary>For what answers: the machine that tests is slow at times. What does not answer has the second of the API's default.</summary>
    private const int Patience = 60;

    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    private readonly FakeNode _node = new();
    private readonly V1Container _container = new() { Name = "web", Env = [new V1EnvVar { Name = "A", Value = "x" }, new V1EnvVar { Name = "B", ValueFrom = new() }] };

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ProbeResult.Success, "")]
    [InlineData("HTTP/1.1 399 Hm\r\nContent-Length: 2\r\n\r\nhm", ProbeResult.Warning, "Probe terminated redirects, Response body: hm")]
    [InlineData("HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", ProbeResult.Failure, "HTTP probe failed with statuscode: 400")]
    [InlineData("HTTP/1.1 503 No\r\n\r\nno", ProbeResult.Failure, "HTTP probe failed with statuscode: 503")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://example.com/\r\nContent-Length: 4\r\n\r\naway", ProbeResult.Warning, "Probe terminated redirects, Response body: away")]
    [InlineData("HTTP/1.1 304 Same\r\n\r\n", ProbeResult.Warning, "Probe terminated redirects, Response body: ")]
    public async Task A_status_from_200_to_399_is_success(string answer, ProbeResult result, string output)
    {
        await using ScriptedServer server = ScriptedServer.Http(_ => answer);

        Assert.Equal(new ProbeOutcome(result, output), await HttpAsync(server.Port));
    }

    [Fact]
    public async Task A_redirect_on_the_same_host_is_followed_with_its_headers()
    {
        List<string> asked = [];
        await using ScriptedServer other = ScriptedServer.Http(head =>
        {
            asked.Add(head);
            return Ok;
        });
        await using ScriptedServer first = ScriptedServer.Http(_ => $"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:{other.Port}/there\r\n\r\n");

        Assert.Equal(ProbeResult.Success, (await HttpAsync(first.Port, new V1HTTPHeader { Name = "X", Value = "1" })).Result);
        Assert.StartsWith("GET /there HTTP/1.1\r\n", Assert.Single(asked), StringComparison.Ordinal);
        Assert.Contains("\r\nX: 1\r\n", asked[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirects_without_end_are_a_failure()
    {
        await using ScriptedServer server = ScriptedServer.Http(_ => "HTTP/1.1 307 Round\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");

        Assert.EndsWith("stopped after 10 redirects", (await HttpAsync(server.Port)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_there_nothing_said_and_no_HTTP_are_failures_that_say_so()
    {
        int free = LoopbackPort.Free();
        Assert.Equal($"Get \"http://127.0.0.1:{free}/\": dial tcp 127.0.0.1:{free}: connect: connection refused", (await HttpAsync(free)).Output);

        await using ScriptedServer silent = new((_, cancel) => Task.Delay(Timeout.Infinite, cancel));
        Assert.Equal($"Get \"http://127.0.0.1:{silent.Port}/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)", (await RunAsync(new V1Probe { HttpGet = new V1HTTPGetAction { Port = silent.Port } })).Output);

        await using ScriptedServer closing = ScriptedServer.Http(_ => "");
        Assert.Equal($"Get \"http://127.0.0.1:{closing.Port}/\": EOF", (await HttpAsync(closing.Port)).Output);

        await using ScriptedServer ssh = new((stream, cancel) => stream.WriteAsync("SSH-2.0-x\r\n"u8.ToArray(), cancel).AsTask());
        Assert.Contains("malformed HTTP response \"SSH-2.0-x\"", (await HttpAsync(ssh.Port)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_TLS_nobody_has_to_prove_who_he_is()
    {
        await using ScriptedServer server = ScriptedServer.Http(_ => Ok, tls: true);

        Assert.Equal(ProbeOutcome.Success, await RunAsync(new V1Probe { HttpGet = new V1HTTPGetAction { Port = server.Port, Scheme = "HTTPS" }, TimeoutSeconds = Patience }));
    }

    [Fact]
    public async Task A_plain_server_does_not_pass_for_a_TLS_one_but_a_hook_tries_again_without()
    {
        List<string> asked = [];
        await using ScriptedServer server = new(async (stream, cancel) =>
        {
            byte[] data = new byte[4096];
            int count = await stream.ReadAsync(data, cancel);
            asked.Add(System.Text.Encoding.Latin1.GetString(data, 0, count));
            await stream.WriteAsync("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), cancel);
        });
        V1HTTPGetAction get = new() { Port = server.Port, Scheme = "HTTPS", HttpHeaders = [new V1HTTPHeader { Name = "Authorization", Value = "secret" }] };

        Assert.Equal($"Get \"https://127.0.0.1:{server.Port}/\": http: server gave HTTP response to HTTPS client", (await RunAsync(new V1Probe { HttpGet = get, TimeoutSeconds = Patience })).Output);

        EventLog log = new(TimeProvider.System);
        HookRunner hooks = new(_node, new PodEvents(log, NullLogger<PodEvents>.Instance), TimeProvider.System);
        Assert.Null(await hooks.RunAsync(new V1LifecycleHandler { HttpGet = get }, Unit.Core.Pods.A.Pod(), new(_container, "c1", "127.0.0.1"), CancellationToken.None));
        Assert.Contains(log.Events, e => e.Reason == "LifecycleHTTPFallback");
        Assert.StartsWith("GET / HTTP/1.1", asked[^1], StringComparison.Ordinal);
        Assert.DoesNotContain("secret", asked[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_is_open_or_it_is_not()
    {
        await using ScriptedServer server = new((_, _) => Task.CompletedTask);
        int free = LoopbackPort.Free();

        Assert.Equal(ProbeOutcome.Success, await RunAsync(new V1Probe { TcpSocket = new V1TCPSocketAction { Port = server.Port }, TimeoutSeconds = Patience }));
        Assert.Equal(
            ProbeOutcome.Failure($"dial tcp 127.0.0.1:{free}: connect: connection refused"), await RunAsync(new V1Probe { TcpSocket = new V1TCPSocketAction { Port = free }, TimeoutSeconds = Patience }));
        Assert.Equal(ProbeResult.Error, (await RunAsync(new V1Probe { TcpSocket = new V1TCPSocketAction { Port = "nowhere" } })).Result);
    }

    [Theory]
    [InlineData(1, 0, ProbeResult.Success, "")]
    [InlineData(2, 0, ProbeResult.Failure, "service unhealthy (responded with \"NOT_SERVING\")")]
    [InlineData(1, 12, ProbeResult.Failure, "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): why")]
    [InlineData(1, 5, ProbeResult.Failure, "error: health rpc probe failed: rpc error: code = 5 desc = why")]
    public async Task A_health_service_is_asked_over_HTTP2(byte status, int code, ProbeResult result, string output)
    {
        await using ScriptedServer server = ScriptedServer.Grpc([0, 0, 0, 0, 2, 8, status], code);

        Assert.Equal(new ProbeOutcome(result, output), await RunAsync(new V1Probe { Grpc = new V1GRPCAction { Port = server.Port, Service = "db" }, TimeoutSeconds = Patience }));
    }

    [Fact]
    public async Task A_health_service_that_is_not_there_or_does_not_speak_is_a_failure_never_an_error()
    {
        int free = LoopbackPort.Free();
        Assert.Equal(
            ProbeOutcome.Failure($"error: failed to connect service at \"127.0.0.1:{free}\": dial tcp 127.0.0.1:{free}: connect: connection refused"),
            await RunAsync(new V1Probe { Grpc = new V1GRPCAction { Port = free }, TimeoutSeconds = Patience }));

        await using ScriptedServer silent = new((_, cancel) => Task.Delay(Timeout.Infinite, cancel));
        ProbeOutcome outcome = await RunAsync(new V1Probe { Grpc = new V1GRPCAction { Port = silent.Port } });
        Assert.Equal((ProbeResult.Failure, true), (outcome.Result, outcome.Output.StartsWith("timeout: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_commands_exit_code_decides_and_its_words_are_told_in_order()
    {
        string[] ran = [];
        _node.OnExec = start =>
        {
            ran = [.. start.Command];
            Pipe.Write((FileDescriptor)start.Error!, "wrong\n"u8);
            Pipe.Write((FileDescriptor)start.Out!, "right\n"u8);
            return new ExecSession(null, Task.FromResult(3), (_, _) => Task.CompletedTask);
        };

        ProbeOutcome outcome = await RunAsync(new V1Probe { Exec = new V1ExecAction { Command = ["test", "$(A) $(B) $(C)"] } });

        Assert.Equal(ProbeOutcome.Failure("right\nwrong\n"), outcome);
        Assert.Equal(["test", "x $(B) $(C)"], ran);
    }

    [Fact]
    public async Task A_command_that_takes_too_long_is_killed()
    {
        TaskCompletionSource<int> exit = new();
        _node.OnExec = _ => new ExecSession(null, exit.Task, (signal, _) =>
        {
            exit.SetResult(128 + signal);
            return Task.CompletedTask;
        });

        Assert.Equal(
            ProbeOutcome.Failure("command timed out: \"sleep 9\" timed out after 1s"), await RunAsync(new V1Probe { Exec = new V1ExecAction { Command = ["sleep", "9"] } }));
        Assert.Equal(137, await exit.Task);
    }

    [Fact]
    public async Task A_command_that_cannot_start_is_tried_three_times_and_finds_nothing_out()
    {
        int tries = 0;
        _node.OnExec = _ =>
        {
            tries++;
            throw new RuntimeException("ExecFailed", "no such file");
        };

        Assert.Equal(ProbeOutcome.Error("no such file"), await RunAsync(new V1Probe { Exec = new V1ExecAction { Command = ["x"] } }));
        Assert.Equal(3, tries);
    }

    private Task<ProbeOutcome> HttpAsync(int port, params V1HTTPHeader[] headers) =>
        RunAsync(new V1Probe { HttpGet = new V1HTTPGetAction { Port = port, HttpHeaders = headers }, TimeoutSeconds = Patience });

    private Task<ProbeOutcome> RunAsync(V1Probe probe) => new ProbeRunner(_node, TimeProvider.System).RunAsync(
        probe, ProbeRule.Of(ProbeKind.Liveness, probe), new ProbeSubject(_container, "c1", "127.0.0.1"), TestContext.Current.CancellationToken);
}
