"""Operations of our networks with a backward pass of their own, which frozen weights allow."""
