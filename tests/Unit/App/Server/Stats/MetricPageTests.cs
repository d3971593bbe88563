using System.Text;
using Microsoft.AspNetCore.Http;
using NativeKubelet.Server.Stats;

namespace NativeKubelet.Tests.Unit.App.Server.Stats;

public sealed class MetricPageTests
{
    [Fact]
    public async Task A_page_is_written_once_per_round_and_a_reader_of_the_last_keeps_it()
    {
        object round = new();
        int written = 0;
        MetricPage page = new(() => round, text => text.Family("a", "gauge", "A.").Sample("", ++written));

        Assert.Contains("a 1\n", await ReadAsync(page), StringComparison.Ordinal);
        Assert.Contains("a 1\n", await ReadAsync(page), StringComparison.Ordinal);
        SlowBody slow = new();
        Task first = page.ServeAsync(Context(slow));
        round = new();
        Assert.Contains("a 2\n", await ReadAsync(page), StringComparison.Ordinal);
        slow.Go.SetResult();
        await first;
        Assert.Contains("a 1\n", Encoding.UTF8.GetString(slow.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_that_cannot_be_written_is_tried_anew()
    {
        bool fails = true;
        object round = new();
        MetricPage page = new(() => round, text => { if (fails) throw new IOException(); text.Family("a", "gauge", "A.").Sample("", 1); });

        await Assert.ThrowsAsync<IOException>(() => ReadAsync(page));
        fails = false;
        Assert.Contains("a 1\n", await ReadAsync(page), StringComparison.Ordinal);
    }

    private static async Task<string> ReadAsync(MetricPage page)
    {
        MemoryStream body = new();
        await page.ServeAsync(Context(body));
        return Encoding.UTF8.GetString(body.ToArray());
    }

    private static DefaultHttpContext Context(Stream body)
    {
        DefaultHttpContext context = new();
        context.Response.Body = body;
        return context;
    }

    private sealed class SlowBody : MemoryStream
    {
        public TaskCompletionSource Go { get; } = new();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Go.Task;
            Write(buffer.Span);
        }
    }
}
