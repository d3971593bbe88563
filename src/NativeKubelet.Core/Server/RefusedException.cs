namespace NativeKubelet.Core.Server;

/// <summary>A request that is answered with a status and a sentence instead of what it asked for.</summary>
public sealed class RefusedException(int status, string text) : Exception(text)
{
    public int Status => status;
}
