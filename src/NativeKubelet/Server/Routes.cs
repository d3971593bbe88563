namespace NativeKubelet.Server;

public delegate Task RouteHandler(HttpRequest request, byte[] body, HttpResponse response, CancellationToken cancel);

/// <summary>Which handler answers which method and path. Exact paths only: what a path names further stands in the query.</summary>
public sealed class Routes
{
    private readonly Dictionary<(string Method, string Path), RouteHandler> _handlers = [];

    public Routes Add(string method, string path, RouteHandler handler)
    {
        _handlers.Add((method, path), handler);
        return this;
    }

    public async Task HandleAsync(HttpRequest request, byte[] body, HttpResponse response, CancellationToken cancel)
    {
        if (_handlers.TryGetValue((request.Method, request.Path), out RouteHandler? handler)) await handler(request, body, response, cancel);
        else if (_handlers.Keys.Any(k => k.Path == request.Path)) await response.TextAsync(405, $"{request.Method} is not served at {request.Path}\n", cancel);
    }
}
