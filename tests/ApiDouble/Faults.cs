using Microsoft.AspNetCore.Http;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>Misbehaviour on order. Each fault holds until it is lifted; the first that matches a request strikes.</summary>
public sealed class Faults
{
    private readonly Lock _gate = new();
    private readonly List<Fault> _active = [];

    private sealed record Fault(Func<HttpRequest, bool> Where, Func<HttpContext, Task> Strike);

    /// <summary>Answers with a status; 429 and 503 carry Retry-After.</summary>
    public IDisposable Answer(int code, Func<HttpRequest, bool>? where = null, int retryAfter = 1) => Add(where, async context =>
    {
        context.Response.StatusCode = code;
        if (code is 429 or 503) context.Response.Headers.RetryAfter = $"{retryAfter}";
        await context.Response.WriteAsync("the double was told to fail");
    });

    /// <summary>Takes the request and never answers.</summary>
    public IDisposable Hang(Func<HttpRequest, bool>? where = null) => Add(where, context => Task.Delay(Timeout.Infinite, context.RequestAborted));

    /// <summary>Breaks the connection.</summary>
    public IDisposable Reset(Func<HttpRequest, bool>? where = null) => Add(where, context =>
    {
        context.Abort();
        return Task.CompletedTask;
    });

    /// <returns>True when a fault took the request.</returns>
    internal async Task<bool> TakeAsync(HttpContext context)
    {
        Fault? fault;
        lock (_gate) fault = _active.FirstOrDefault(f => f.Where(context.Request));
        if (fault is null) return false;
        try { await fault.Strike(context); }
        catch (OperationCanceledException) { /* the client gave up, as was wanted */ }
        return true;
    }

    private Lift Add(Func<HttpRequest, bool>? where, Func<HttpContext, Task> strike)
    {
        Fault fault = new(where ?? (static _ => true), strike);
        lock (_gate) _active.Insert(0, fault);
        return new(this, fault);
    }

    private sealed class Lift(Faults faults, Fault fault) : IDisposable
    {
        public void Dispose()
        {
            lock (faults._gate) faults._active.Remove(fault);
        }
    }
}
