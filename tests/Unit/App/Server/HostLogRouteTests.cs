using System.Text;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Core.Server;
using NativeKubelet.Server.Endpoints;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Server;

public sealed class HostLogRouteTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly HostLogRoute _route;

    public HostLogRouteTests()
    {
        Directory.CreateDirectory(_directory["log/sub"]);
        File.WriteAllText(_directory["log/syslog"], "one\ntwo\n");
        File.WriteAllText(_directory["log/sub/a<b>.log"], "");
        File.WriteAllText(_directory["secret"], "secret");
        _route = new(_directory["log"]);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_file_is_shown_and_a_directory_lists_its_names()
    {
        Assert.Equal((200, "one\ntwo\n"), await AskAsync("syslog"));
        Assert.Equal((200, "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n<a href=\"sub/\">sub/</a>\n<a href=\"syslog\">syslog</a>\n</pre>\n"), await AskAsync(""));
        Assert.Contains("<a href=\"a%3Cb%3E.log\">a&lt;b&gt;.log</a>", (await AskAsync("sub/")).Body, StringComparison.Ordinal);
        Assert.Equal((301, ""), await AskAsync("sub"));
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("sub/../../secret")]
    [InlineData("link")]
    [InlineData("absolute")]
    [InlineData("proc/self/root/etc/passwd")]
    [InlineData("none")]
    public async Task Nothing_leads_out_of_the_directory(string path)
    {
        File.CreateSymbolicLink(_directory["log/link"], "../secret");
        File.CreateSymbolicLink(_directory["log/absolute"], _directory["secret"]);
        File.CreateSymbolicLink(_directory["log/proc"], "/proc");

        Assert.Equal(404, (await Assert.ThrowsAsync<RefusedException>(() => AskAsync(path))).Status);
    }

    private async Task<(int Status, string Body)> AskAsync(string path)
    {
        DefaultHttpContext context = new();
        context.Request.Path = $"/logs/{path}";
        context.Request.Method = "GET";
        using MemoryStream body = new();
        context.Response.Body = body;
        await _route.ServeAsync(context, path);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()));
    }
}
