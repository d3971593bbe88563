using Microsoft.AspNetCore.Http;
using NativeKubelet.Core.Stats;
using NativeKubelet.Server.Endpoints;

namespace NativeKubelet.Server.Stats;

/// <summary>
/// A page of metrics that is written once per round of samples and served to as many as ask. Its buffer is rented, and goes back when
/// the next page is written and the last who reads it is done.
/// </summary>
/// <param name="round">Another object for each round.</param>
internal sealed class MetricPage(Func<object> round, Action<MetricText> write)
{
    private readonly Lock _gate = new();
    private Edition? _last;

    public async Task ServeAsync(HttpContext context)
    {
        Edition edition = Take();
        try
        {
            await context.BytesAsync(200, edition.Text.Written, MetricText.ContentType);
        }
        finally
        {
            Leave(edition);
        }
    }

    private Edition Take()
    {
        lock (_gate)
        {
            object now = round();
            if (_last is null || !ReferenceEquals(_last.Round, now))
            {
                Edition next = new(now);
                try
                {
                    write(next.Text);
                }
                catch
                {
                    next.Text.Dispose();
                    throw;
                }
                if (_last is { Readers: 0 }) _last.Text.Dispose();
                _last = next;
            }
            _last.Readers++;
            return _last;
        }
    }

    private void Leave(Edition edition)
    {
        lock (_gate)
            if (--edition.Readers == 0 && edition != _last) edition.Text.Dispose();
    }

    private sealed class Edition(object round)
    {
        public object Round => round;

        public MetricText Text { get; } = new();

        /// <summary>Under the page's gate.</summary>
        public int Readers { get; set; }
    }
}
