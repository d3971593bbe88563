using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Core.Server;
using NativeKubelet.Server.Endpoints;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Server;

public sealed class NodeLogRouteTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly NodeLogRoute _route;

    public NodeLogRouteTests()
    {
        Directory.CreateDirectory(_directory["log/nested"]);
        File.WriteAllText(_directory["log/plain"], "plain file\n");
        File.WriteAllText(_directory["log/dotted.log"], "with its ending\n");
        File.WriteAllText(_directory["log/nested/nested.log"], "in its directory\n");
        File.WriteAllText(_directory["secret.log"], "secret");
        File.WriteAllText(_directory["journalctl"], "#!/bin/sh\nif [ \"$1\" = --field ]; then echo known.service; exit; fi\nfor a; do echo \"[$a]\"; done\nenv >&2\n");
        File.SetUnixFileMode(_directory["journalctl"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _route = new(new(_directory["log"]), _directory["journalctl"]);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_service_of_the_journal_is_asked_of_it_with_the_options_and_nothing_of_the_agents_environment()
    {
        (int status, string body) = await AskAsync("?query=known&tailLines=5");

        Assert.Equal(200, status);
        Assert.StartsWith("[--utc]\n[--no-pager]\n[--pager-end]\n[--lines=5]\n[--unit=known]\n[--output=short-precise]\n", body, StringComparison.Ordinal);
        Assert.DoesNotContain("DOTNET", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain", "plain file\n")]
    [InlineData("dotted", "with its ending\n")]
    [InlineData("nested", "in its directory\n")]
    [InlineData("none", "\nlog not found for none\n")]
    [InlineData("..", "\nlog not found for ..\n")]
    [InlineData("plain&query=none", "plain file\n\nlog not found for none\n")]
    [InlineData("plain&tailLines=1", "\noptions present and query resolved to log files for [plain]\ntry without specifying options\n")]
    public async Task A_service_that_the_journal_does_not_know_is_looked_for_among_the_files(string query, string body) =>
        Assert.Equal((200, body), await AskAsync("?query=" + query));

    [Fact]
    public async Task Without_a_journal_every_service_logs_to_files() =>
        Assert.Equal((200, "\nlog not found for known\n"), await AskAsync("?query=known", new NodeLogRoute(new(_directory["log"]), null)));

    [Fact]
    public async Task A_file_is_shown_and_one_outside_is_not_there()
    {
        Assert.Equal((200, "in its directory\n"), await AskAsync("?query=/nested/nested.log"));
        Assert.Equal((200, "plain file\n"), await AskAsync("", path: "plain"));
        foreach (string outside in (string[])["../secret.log", "/../secret.log", "nested/../../secret.log"])
            Assert.Equal(406, (await Assert.ThrowsAsync<RefusedException>(() => AskAsync("?query=" + Uri.EscapeDataString(outside)))).Status);
    }

    [Fact]
    public async Task Who_wants_it_small_gets_it_small()
    {
        DefaultHttpContext context = Context("?query=plain");
        context.Request.Headers.AcceptEncoding = "gzip";
        using MemoryStream body = new();
        context.Response.Body = body;

        await _route.ServeAsync(context, "");

        Assert.Equal("gzip", context.Response.Headers.ContentEncoding);
        using StreamReader text = new(new GZipStream(new MemoryStream(body.ToArray()), CompressionMode.Decompress));
        Assert.Equal("plain file\n", await text.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_journal_that_never_ends_is_ended_with_whoever_asked()
    {
        File.WriteAllText(_directory["journalctl"], "#!/bin/sh\nif [ \"$1\" = --field ]; then echo known.service; exit; fi\necho $$ > " + _directory["pid"] + "\nwhile :; do echo line; done\n");
        using CancellationTokenSource leaving = new();
        DefaultHttpContext context = Context("?query=known");
        context.RequestAborted = leaving.Token;
        context.Response.Body = new LeavingBody(leaving);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _route.ServeAsync(context, ""));

        Assert.False(Directory.Exists("/proc/" + File.ReadAllText(_directory["pid"]).Trim()));
    }

    private async Task<(int Status, string Body)> AskAsync(string query, NodeLogRoute? route = null, string path = "")
    {
        DefaultHttpContext context = Context(query);
        using MemoryStream body = new();
        context.Response.Body = body;
        await (route ?? _route).ServeAsync(context, path);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()));
    }

    private static DefaultHttpContext Context(string query)
    {
        DefaultHttpContext context = new();
        context.Request.Path = "/logs/";
        context.Request.Method = "GET";
        context.Request.QueryString = new(query);
        return context;
    }

    private sealed class LeavingBody(CancellationTokenSource leaving) : MemoryStream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await leaving.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
