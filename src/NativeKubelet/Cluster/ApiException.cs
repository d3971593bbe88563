namespace NativeKubelet.Cluster;

/// <summary>The API server did not do what it was asked to. The message is whole: it names the request and the cause.</summary>
/// <param name="code">The HTTP status; 0: no answer came.</param>
/// <param name="reason">The word of the Status object (NotFound, AlreadyExists, Conflict, Expired …); empty where there was none.</param>
public sealed class ApiException(int code, string reason, string message, TimeSpan? retryAfter = null, Exception? inner = null) : Exception(message, inner)
{
    public int Code => code;

    public string Reason => reason;

    /// <summary>What the server asked us to wait.</summary>
    public TimeSpan? RetryAfter => retryAfter;

    public bool IsNotFound => code == 404;

    public bool IsConflict => code == 409 && reason != "AlreadyExists";

    public bool AlreadyExists => reason == "AlreadyExists";

    /// <summary>The version that a watch was to go on from is forgotten: list anew.</summary>
    public bool IsExpired => code == 410;

    /// <summary>No answer, or one that may be another at another time.</summary>
    public bool IsPassing => code is 0 or 408 or 429 or >= 500;
}
